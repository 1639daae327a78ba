"""The API's front: what a request is, who may ask how often, and which operation answers. Knows no Chalice."""
