"""The Nostr channel, against nostr-sdk's relay and against faulty ones of our own."""
