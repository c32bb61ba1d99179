"""Building a split: fragments made and labelled in parallel, journalled, put together as files."""
