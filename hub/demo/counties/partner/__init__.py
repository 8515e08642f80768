"""A co-operation partner's webhook receiver: verifies Standard Webhooks signatures and keeps every delivery."""
