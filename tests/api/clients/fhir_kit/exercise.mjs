// fhir-kit-client (npm) works with the hub as it does with any FHIR server: it is told the base address and a token.
// Run as `node exercise.mjs BASE` with the token in TOKEN; ends with code 0 when all of it holds.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from 'fhir-kit-client';

const client = new Client({ baseUrl: process.argv.at(-1), bearerToken: process.env.TOKEN });

const patient = (family, given, more = {}) => ({
  resourceType: 'Patient',
  name: [{ family, given: [given] }],
  gender: 'female',
  ...more,
});
const create = (body) => client.create({ resourceType: body.resourceType, body });
const status = (expected) => (error) => error.response.status === expected;

async function pages(first) {
  const found = [];
  for (let page = first; page; page = await client.nextPage({ bundle: page })) found.push(page.entry ?? []);
  return found;
}

test('create, read, update and history', async () => {
  const made = await create(patient('欧阳', '娜', { birthDate: '1990-01-02' }));
  const address = { resourceType: 'Patient', id: made.id };
  assert.deepEqual(await client.read(address), made);
  const body = { ...made, birthDate: '1990-01-03' };
  const changed = await client.update({ ...address, body, options: { headers: { 'If-Match': 'W/"1"' } } });
  assert.equal(changed.meta.versionId, '2');
  const late = client.update({ ...address, body: made, options: { headers: { 'If-Match': 'W/"1"' } } });
  await assert.rejects(late, status(412));
  const told = await client.history(address);
  assert.equal(told.total, 2);
  assert.deepEqual(told.entry.map((entry) => entry.resource.birthDate), ['1990-01-03', '1990-01-02']);
  assert.deepEqual(await client.vread({ ...address, version: '1' }), made);
  await client.delete(address);
  await assert.rejects(client.read(address), status(410));
});

test('search and paging', async () => {
  const made = [];
  for (const given of '甲乙丙丁戊') made.push((await create(patient('司马', given))).id);
  await create(patient('诸葛', '己'));
  const asked = { resourceType: 'Patient', searchParams: { family: '司马', _count: 2 } };
  for (const postSearch of [false, true]) {
    const found = await pages(await client.search({ ...asked, options: { postSearch } }));
    assert.deepEqual(found.map((page) => page.length), [2, 2, 1]);
    assert.deepEqual(found.flat().map((entry) => entry.resource.id).sort(), made.sort());
  }
});

test('transaction, includes and references', async () => {
  const who = 'urn:uuid:4b0e4e7a-4f0d-4d3c-9f5e-0b8d6f6d2a11';
  const weight = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
    subject: { reference: who },
    valueQuantity: { value: 51.5, system: 'http://unitsofmeasure.org', code: 'kg' },
  };
  const done = await client.transaction({
    body: {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        { fullUrl: who, resource: patient('上官', '庚'), request: { method: 'POST', url: 'Patient' } },
        { resource: weight, request: { method: 'POST', url: 'Observation' } },
      ],
    },
  });
  assert.equal(done.type, 'transaction-response');
  assert.deepEqual(done.entry.map((entry) => entry.response.status.slice(0, 3)), ['201', '201']);
  const found = await client.search({
    resourceType: 'Observation',
    searchParams: { 'subject:Patient.family': '上官', _include: 'Observation:subject' },
  });
  const [observation, included] = found.entry.map((entry) => entry.resource);
  assert.equal(observation.valueQuantity.value, 51.5);
  assert.deepEqual(await client.resolve({ reference: observation.subject.reference, context: observation }), included);
});

test('patches, conditions and histories', async () => {
  const body = { resourceType: 'Organization', name: '连翘二院' };
  const unless = { headers: { 'If-None-Exist': `name=${encodeURIComponent(body.name)}` } };
  const made = await client.create({ resourceType: 'Organization', body, options: unless });
  assert.deepEqual(await client.create({ resourceType: 'Organization', body, options: unless }), made);
  const address = { resourceType: 'Organization', id: made.id };
  const changed = await client.patch({ ...address, jsonPatch: [{ op: 'add', path: '/active', value: true }] });
  assert.deepEqual([changed.active, changed.meta.versionId], [true, '2']);
  const unfit = client.patch({ ...address, jsonPatch: [{ op: 'test', path: '/active', value: false }] });
  await assert.rejects(unfit, status(409));
  for (const told of [await client.history({ resourceType: 'Organization' }), await client.history()]) {
    const own = told.entry.filter((entry) => entry.resource?.id === made.id);
    assert.deepEqual(own.map((entry) => entry.resource.meta.versionId), ['2', '1']);
  }
});

test('what the hub says of itself', async () => {
  const told = await client.capabilityStatement();
  assert.equal(told.fhirVersion, '4.0.1');
  const found = await client.smartAuthMetadata();
  assert.equal(new URL(found.tokenUrl).pathname, '/auth/token');
});

test('refusals are told', async () => {
  await assert.rejects(create(patient('欧阳', '娜', { gender: 'unheard-of' })), status(400));
  const missing = { resourceType: 'Patient', id: '0190b0b0-0000-7000-8000-000000000000' };
  await assert.rejects(client.read(missing), status(404));
  const stranger = new Client({ baseUrl: process.argv.at(-1) });
  await assert.rejects(stranger.search({ resourceType: 'Patient' }), status(401));
});
