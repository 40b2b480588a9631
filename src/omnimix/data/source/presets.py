"""Presets: the shapes of the exports people really have.

in   the name of a preset
out  a Preset: what the rows are, and which of their columns is which canonical field

Shops, clickstreams and ad platforms are here; `social` and `crm` have the others.
"""

import difflib
from collections.abc import Mapping

from omnimix.core.errors import InvalidInput
from omnimix.data.source.crm import CRM_PRESETS
from omnimix.data.source.preset import Preset
from omnimix.data.source.social import SOCIAL_PRESETS
from omnimix.data.source.spec import Holds

_POSTAGE = ("POST", "DOT", "M", "D", "S", "C2", "B", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS", "gift_*")
_SEGMENT_PROPERTIES = (
    "properties.category",
    "properties.name",
    "properties.brand",
    "properties.price",
    "properties.products",
    "properties.query",
    "properties.coupon",
    "properties.list_id",
    "properties.step",
    "properties.campaign_name",
    "properties.subject",
    "properties.decision_id",
    "properties.variant_id",
    "properties.campaign",
)


_ORDER_LINES = Preset(
    Holds.ORDERS,
    {
        "order_id": ("order_id", "InvoiceNo", "Invoice", "Order Number", "Order"),
        "product_id": ("product_id", "StockCode", "SKU", "Item"),
        "description": ("description", "product_name", "product"),
        "quantity": ("quantity", "qty", "units"),
        "occurred_at": ("occurred_at", "InvoiceDate", "order_date", "ordered_at", "date"),
        "unit_price": ("unit_price", "UnitPrice", "price"),
        "amount": ("amount", "line_total"),
        "user_id": ("user_id", "CustomerID", "Customer ID", "customer"),
        "email": ("email", "e-mail"),
        "country": ("country",),
        "currency": ("currency",),
    },
    fees=_POSTAGE,
    cancellation_prefix="C",
)

_SHOPIFY = Preset(
    Holds.ORDERS,
    {
        "order_id": ("Name",),
        "email": ("Email",),
        "occurred_at": ("Created at",),
        "status": ("Financial Status",),
        "currency": ("Currency",),
        "product_id": ("Lineitem sku", "Lineitem name"),
        "description": ("Lineitem name",),
        "quantity": ("Lineitem quantity",),
        "unit_price": ("Lineitem price",),
        "refunded": ("Refunded Amount",),
        "discount": ("Discount Amount",),
        "subtotal": ("Subtotal",),
        "country": ("Shipping Country", "Billing Country"),
        "name": ("Billing Name",),
        "address": ("Billing Address1",),
        "city": ("Billing City",),
        "postcode": ("Billing Zip",),
    },
    carried=("email", "occurred_at", "status", "currency", "country"),
    void_statuses=("voided", "expired"),
)

_WOOCOMMERCE = Preset(
    Holds.ORDERS,
    {
        "order_id": ("Order Number", "Order ID"),
        "status": ("Order Status",),
        "occurred_at": ("Order Date",),
        "user_id": ("Customer User ID", "Customer ID"),
        "email": ("Email (Billing)", "Billing Email Address"),
        "first_name": ("First Name (Billing)", "Billing First Name"),
        "last_name": ("Last Name (Billing)", "Billing Last Name"),
        "address": ("Address 1&2 (Billing)", "Billing Address"),
        "city": ("City (Billing)",),
        "postcode": ("Postcode (Billing)",),
        "country": ("Country Code (Billing)", "Billing Country"),
        "currency": ("Order Currency", "Currency"),
        "product_id": ("SKU", "Item SKU", "Product ID"),
        "description": ("Item Name", "Product Name"),
        "quantity": ("Quantity (- Refund)", "Quantity"),
        "unit_price": ("Item Cost", "Item Price"),
        "amount": ("Order Line Total",),
    },
    carried=("status", "occurred_at", "user_id", "email", "country", "currency"),
    void_statuses=("cancelled", "failed", "trash", "draft", "pending payment", "pending"),
)

_GA4_NAMES = {
    "purchase": "Order Completed",
    "refund": "Order Refunded",
    "view_item": "Product Viewed",
    "view_item_list": "Product List Viewed",
    "select_item": "Product Clicked",
    "add_to_cart": "Product Added",
    "remove_from_cart": "Product Removed",
    "view_cart": "Cart Viewed",
    "begin_checkout": "Checkout Started",
    "add_shipping_info": "Checkout Step Completed",
    "add_payment_info": "Payment Info Entered",
    "add_to_wishlist": "Product Added to Wishlist",
    "view_promotion": "Promotion Viewed",
    "select_promotion": "Promotion Clicked",
    "view_search_results": "Products Searched",
    "search": "Products Searched",
    "sign_up": "Signed Up",
    "login": "Signed In",
    "generate_lead": "Lead Generated",
    "page_view": "Page Viewed",
    "screen_view": "Screen Viewed",
    "session_start": "Session Started",
    "first_visit": "First Visited",
    "share": "Product Shared",
}

_GA4 = Preset(
    Holds.EVENTS,
    {
        "name_of_event": ("event_name",),
        "occurred_at": ("event_timestamp",),
        "user_id": ("user_id",),
        "anonymous_id": ("user_pseudo_id",),
        "page_url": ("event_params.page_location",),
        "referrer": ("event_params.page_referrer",),
        "medium": ("event_params.medium", "collected_traffic_source.manual_medium"),
        "utm_source": ("event_params.source", "collected_traffic_source.manual_source"),
        "utm_campaign": ("event_params.campaign", "collected_traffic_source.manual_campaign_name"),
        "gclid": ("event_params.gclid", "collected_traffic_source.gclid"),
        "order_id": ("ecommerce.transaction_id", "event_params.transaction_id"),
        "revenue": ("ecommerce.purchase_revenue", "event_params.value"),
        "currency": ("event_params.currency",),
        "product_id": ("items.0.item_id",),
        "quantity": ("items.0.quantity",),
        "device": ("device.category",),
        "country": ("geo.country",),
        "language": ("device.language",),
    },
    names=_GA4_NAMES,
    properties=("items", "event_params.search_term"),
)

_SEGMENT = Preset(
    Holds.EVENTS,
    {
        "message_id": ("messageId",),
        "type": ("type",),
        "name_of_event": ("event",),
        "occurred_at": ("timestamp", "originalTimestamp", "sentAt", "receivedAt"),
        "user_id": ("userId",),
        "anonymous_id": ("anonymousId",),
        "previous_id": ("previousId",),
        "email": ("traits.email", "context.traits.email", "properties.email"),
        "phone": ("traits.phone", "context.traits.phone"),
        "first_name": ("traits.firstName", "traits.first_name", "context.traits.firstName"),
        "last_name": ("traits.lastName", "traits.last_name", "context.traits.lastName"),
        "name": ("traits.name", "context.traits.name"),
        "order_id": ("properties.order_id", "properties.orderId"),
        "product_id": ("properties.product_id", "properties.productId", "properties.sku"),
        "quantity": ("properties.quantity",),
        "revenue": ("properties.revenue", "properties.total", "properties.value"),
        "currency": ("properties.currency",),
        "page_url": ("context.page.url", "properties.url"),
        "page_path": ("context.page.path", "properties.path"),
        "referrer": ("context.page.referrer", "properties.referrer"),
        "medium": ("context.campaign.medium",),
        "utm_source": ("context.campaign.source",),
        "utm_campaign": ("context.campaign.name",),
        "device": ("context.device.type",),
        "country": ("context.location.country", "traits.address.country", "context.traits.address.country"),
        "language": ("context.locale",),
        "library": ("context.library.name",),
        "user_agent": ("context.userAgent",),
        "ip_address": ("context.ip",),
        "gpc": ("context.consent.gpc", "context.gpc", "request.gpc"),
        "tcf": ("context.consent.tcf",),
        "consent_at": ("context.consent.decidedAt",),
        # `request` holds the headers of the request that brought a live event
        "sent_by": ("request.userAgent",),
        "sent_from": ("request.ip",),
        "fetched_for": ("request.purpose",),
    },
    properties=_SEGMENT_PROPERTIES,
)

_GOOGLE_ADS = Preset(
    Holds.SPEND,
    {
        "spent_on": ("Day", "Date"),
        "campaign": ("Campaign",),
        "ad_group": ("Ad group",),
        "ad": ("Ad ID", "Ad name", "Ad"),
        "impressions": ("Impr.", "Impressions"),
        "clicks": ("Clicks",),
        "cost": ("Cost", "Spend"),
        "currency": ("Currency code", "Currency"),
        "conversions": ("Conversions", "Conv."),
        "conversion_value": ("Conv. value", "Conversion value", "Total conv. value"),
    },
    constants={"channel": "google_ads"},
    day_first=False,
)

_META_ADS = Preset(
    Holds.SPEND,
    {
        "spent_on": ("Day", "Reporting starts", "Date"),
        "campaign": ("Campaign name",),
        "ad_group": ("Ad set name", "Ad Set Name"),
        "ad": ("Ad name", "Ad ID"),
        "impressions": ("Impressions",),
        "clicks": ("Link clicks", "Clicks (all)", "Outbound clicks"),
        "cost": ("Amount spent", "Amount spent (GBP)", "Amount spent (EUR)", "Amount spent (USD)"),
        "currency": ("Currency",),
        "conversions": ("Purchases", "Website purchases", "Results"),
        "conversion_value": ("Purchases conversion value", "Website purchases conversion value"),
    },
    constants={"channel": "meta"},
    day_first=False,
)

_MAILCHIMP = Preset(
    Holds.SPEND,
    {
        "spent_on": ("Send Date", "Send Time", "Date"),
        "campaign": ("Title", "Campaign Name", "Campaign"),
        "ad_group": ("Audience", "List"),
        "ad": ("Subject",),
        "impressions": ("Successful Deliveries", "Total Recipients"),
        "clicks": ("Unique Clicks", "Total Clicks"),
        "cost": ("Cost",),
        "conversions": ("Total Orders", "Orders"),
        "conversion_value": ("Total Revenue", "Total Gross Sales", "Revenue"),
    },
    constants={"channel": "email"},
    day_first=False,
)

_KLAVIYO = Preset(
    Holds.SPEND,
    {
        "spent_on": ("Send Date", "Send Time", "Date"),
        "campaign": ("Campaign Name", "Name"),
        "ad_group": ("List", "Tags"),
        "ad": ("Subject", "Variant"),
        "impressions": ("Successful Deliveries", "Total Recipients", "Recipients"),
        "clicks": ("Unique Clicks", "Clicks", "Total Clicks"),
        "cost": ("Cost",),
        "conversions": ("Unique Placed Order", "Placed Order", "Total Placed Order"),
        "conversion_value": ("Revenue", "Placed Order Value"),
    },
    constants={"channel": "email"},
    day_first=False,
)

PRESETS: Mapping[str, Preset] = {
    "order_lines": _ORDER_LINES,
    "shopify_orders": _SHOPIFY,
    "woocommerce_orders": _WOOCOMMERCE,
    "ga4_events": _GA4,
    "segment_jsonl": _SEGMENT,
    "rudderstack_jsonl": _SEGMENT,
    "google_ads_report": _GOOGLE_ADS,
    "meta_ads_report": _META_ADS,
    "mailchimp_campaigns": _MAILCHIMP,
    "klaviyo_campaigns": _KLAVIYO,
    **SOCIAL_PRESETS,
    **CRM_PRESETS,
}


def preset(name: str, *, where: str) -> Preset:
    """The preset of that name. Raises InvalidInput that offers the nearest and all names."""
    if name in PRESETS:
        return PRESETS[name]
    near = difflib.get_close_matches(name, PRESETS, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InvalidInput(
        f"there is no preset {name!r}", where=f"{where}.preset", fix=f"{hint}choose from {', '.join(PRESETS)}"
    )
