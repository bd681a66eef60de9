"""Agent code → spans and exchanges. Only this package knows the SDK's insides."""
