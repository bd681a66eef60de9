"""The second seam: requests to Claude that HTTP clients send past the Anthropic SDK, recorded, or at least counted."""
