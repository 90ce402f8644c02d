"""Records: one folder per run, hashed and chained, that anyone can verify."""
