"""A whole product under test: trigger, fleet and legacy pipeline, as its profile starts them."""

from trackproof.runs.product.product import Product, RecordingRow, open_product
from trackproof.runs.product.running_trigger import RunningTrigger

__all__ = ["Product", "RecordingRow", "RunningTrigger", "open_product"]
