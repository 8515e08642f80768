"""The simulated county system of Huiji: spreadsheets dropped into a folder, with the quirks of DOMAIN §6.2."""
