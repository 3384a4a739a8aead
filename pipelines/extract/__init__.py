"""Fields out of documents, as JSON that is valid for a schema."""
