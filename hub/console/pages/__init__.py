"""One module a page: reads the request, asks a service, renders the answer."""
