"""The API's prompt cache: what a request has in it, and why a request did not read what the one before it had cached."""
