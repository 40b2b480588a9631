"""Sends events with the unmodified Python clients: python senders.py segment|rudder HOST WRITE_KEY COUNT USER."""

import sys

import rudderstack.analytics as rudder
from segment.analytics.client import Client as Segment


def main(kind: str, host: str, key: str, count: int, user: str) -> None:
    """Track `count` events and wait until they are delivered."""
    client_of = {"segment": Segment, "rudder": rudder.Client}[kind]
    client = client_of(key, host=host, max_queue_size=count + 10, max_retries=1000, upload_size=100)
    client.identify(user_id=f"{user}-0", traits={"email": f"{user}@shop.example", "firstName": "Ada"})
    for place in range(count - 1):
        client.track(
            user_id=f"{user}-{place % 50}",
            event="Product Viewed",
            properties={"product_id": f"{user}-{place}", "price": 4.5, "currency": "GBP", "category": "Kitchen"},
            context={"page": {"path": f"/p/{place}", "url": f"https://shop.example/p/{place}?utm_source=python"}},
        )
    client.flush()
    client.join()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
