"""The service layer: a headless FastAPI backend that knows no Qt."""

__version__ = "0.1.0"
