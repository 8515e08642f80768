"""The hub: receives, translates, links, routes, delivers and proves the exchange of records between regions."""
