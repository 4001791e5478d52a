"""The stand-ins of the benchmarks: an Exchange and a hub that answer with prepared bytes, so that they are not what is measured."""
