"""The guide's pipelines and a scripted Claude that answers them, offline."""
