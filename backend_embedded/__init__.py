"""The service layer: a headless FastAPI backend that knows no Qt."""
