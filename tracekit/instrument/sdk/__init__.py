"""The one seam into the anthropic SDK: inside its retry loop, above its transport."""
