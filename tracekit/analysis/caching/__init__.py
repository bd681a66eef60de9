"""The API's prompt cache: the blocks of a request, and the reasons why a cached prefix was not read."""
