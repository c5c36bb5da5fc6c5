"""The replay: a model is put into the past, meets the years that followed, and is kept healthy through them."""
