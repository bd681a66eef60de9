"""A replay in the place of the network: requests are answered, and tools' results given, from a recording."""
