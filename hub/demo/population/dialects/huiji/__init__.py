"""The dialect of Huiji (DOMAIN §6.2): GBK tables and workbooks under two header rows, words, 同上 and dates in every fashion."""
