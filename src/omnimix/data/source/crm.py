"""Presets of CRM and marketing-automation exports: people, deals, and what became of e-mails.

in   nothing
out  CRM_PRESETS by name

Columns as in: HubSpot's export of contacts and deals (labels of its default properties); Salesforce's object
reference (Lead, Opportunity, OpportunityHistory; API names and the labels that reports show); Mautic's contact
export (aliases of its core fields); Mailchimp's audience export (subscribed, unsubscribed and cleaned members) and
campaign activity; SendGrid's event webhook.

A contact's number in such a tool is its name there, not the shop's customer number: it is a handle of that tool,
so that contact 17 of the CRM and customer 17 of the shop stay two people. A deal's name is somebody's: it is left
out.
"""

from collections.abc import Mapping

from omnimix.data.source.preset import Preset
from omnimix.data.source.spec import Holds

_HUBSPOT_CONTACTS = Preset(
    Holds.PROFILES,
    {
        "handle": ("Record ID", "Record ID - Contact", "Contact ID"),
        "email": ("Email", "Email Address"),
        "phone": ("Phone Number", "Mobile Phone Number"),
        "first_name": ("First Name",),
        "last_name": ("Last Name",),
        "company": ("Company Name", "Associated Company"),
        "city": ("City",),
        "postcode": ("Postal Code",),
        "country": ("Country/Region", "Country"),
        "language": ("Preferred language", "Language"),
        "observed_at": ("Last Modified Date", "Last Activity Date", "Create Date"),
        "lead_score": ("HubSpot Score", "Lead Score", "Contact score", "Engagement score"),
        "lead_status": ("Lead Status",),
        "lifecycle_stage": ("Lifecycle Stage",),
        "email_opt_out": ("Unsubscribed from all email", "Opted out of all email"),
    },
    constants={"platform": "hubspot"},
    day_first=False,
)

_HUBSPOT_DEALS = Preset(
    Holds.EVENTS,
    {
        "deal_id": ("Record ID", "Record ID - Deal", "Deal ID"),
        "deal_stage": ("Deal Stage",),
        "stage_since": ("Date entered current stage", "Last stage change date"),
        "occurred_at": (
            "Date entered current stage",
            "Last stage change date",
            "Last Modified Date",
            "Create Date",
        ),
        "handle": ("Associated Contact IDs", "Associated Contact ID", "Contact ID"),
        "email": ("Associated Contact Email", "Contact Email"),
        "currency": ("Currency",),
    },
    constants={"platform": "hubspot", "name_of_event": "Deal Stage Changed"},
    properties=("Amount", "Pipeline", "Deal Type"),
    day_first=False,
)

_SALESFORCE_LEADS = Preset(
    Holds.PROFILES,
    {
        "handle": ("Id", "Lead ID"),
        "email": ("Email",),
        "phone": ("Phone", "MobilePhone", "Mobile"),
        "first_name": ("FirstName",),
        "last_name": ("LastName",),
        "company": ("Company", "Company / Account"),
        "city": ("City",),
        "postcode": ("PostalCode", "Zip/Postal Code"),
        "country": ("CountryCode", "Country"),
        "observed_at": ("LastModifiedDate", "Last Modified", "CreatedDate", "Create Date"),
        "lead_score": ("Lead Score", "Score__c", "pi__score__c", "Einstein Score"),
        "lead_status": ("Status", "Lead Status"),
        "email_opt_out": ("HasOptedOutOfEmail", "Email Opt Out"),
    },
    constants={"platform": "salesforce"},
    properties=("LeadSource", "Lead Source", "Rating"),
    day_first=False,
)

_SALESFORCE_OPPORTUNITIES = Preset(
    Holds.EVENTS,
    {
        "deal_id": ("OpportunityId", "Opportunity ID", "Id"),
        "deal_stage": ("StageName", "Stage", "To Stage"),
        "stage_since": ("LastStageChangeDate", "Last Stage Change Date"),
        "occurred_at": (
            "LastStageChangeDate",
            "Last Stage Change Date",
            "LastModifiedDate",
            "Last Modified Date",
            "Last Modified",
            "CreatedDate",
            "Created Date",
        ),
        "handle": ("ContactId", "Contact ID"),
        "email": ("Contact.Email", "Contact: Email", "Email"),
        "currency": ("CurrencyIsoCode", "Opportunity Currency"),
    },
    constants={"platform": "salesforce", "name_of_event": "Deal Stage Changed"},
    properties=("Amount", "Probability", "Type"),
    day_first=False,
)

_MAUTIC_CONTACTS = Preset(
    Holds.PROFILES,
    {
        "handle": ("id", "contact_id"),
        "email": ("email",),
        "phone": ("mobile", "phone"),
        "first_name": ("firstname",),
        "last_name": ("lastname",),
        "company": ("company", "companyname"),
        "address": ("address1",),
        "city": ("city",),
        "postcode": ("zipcode",),
        "country": ("country",),
        "language": ("preferred_locale",),
        "observed_at": ("last_active", "date_modified", "date_identified", "date_added"),
        "lead_score": ("points",),
        "lifecycle_stage": ("stage", "stage_name"),
        "email_opt_out": ("dnc_email", "do_not_contact_email", "unsubscribed"),
    },
    constants={"platform": "mautic"},
)

_MAILCHIMP_MEMBERS = Preset(
    Holds.PROFILES,
    {
        "email": ("Email Address",),
        "first_name": ("First Name",),
        "last_name": ("Last Name",),
        "phone": ("Phone Number",),
        "address": ("Address",),
        "country": ("CC",),
        "observed_at": ("UNSUB_TIME", "CLEAN_TIME", "LAST_CHANGED", "CONFIRM_TIME", "OPTIN_TIME"),
        "email_status": ("Status", "Email Marketing Status", "email_status"),
    },
    properties=("MEMBER_RATING",),
)

_EMAIL_NAMES = {
    "delivered": "Email Delivered",
    "sent": "Email Delivered",
    "open": "Email Opened",
    "opened": "Email Opened",
    "read": "Email Opened",
    "click": "Email Link Clicked",
    "clicked": "Email Link Clicked",
    "bounce": "Email Bounced",
    "bounced": "Email Bounced",
    "hard bounce": "Email Bounced",
    "spamreport": "Email Marked as Spam",
    "spam report": "Email Marked as Spam",
    "abuse": "Email Marked as Spam",
    "unsubscribe": "Unsubscribed",
    "unsubscribed": "Unsubscribed",
    "unsub": "Unsubscribed",
    "group_unsubscribe": "Unsubscribed",
}

_EMAIL_ACTIVITY = Preset(
    Holds.EVENTS,
    {
        "message_id": ("sg_event_id", "Event ID"),
        "name_of_event": ("event", "Action", "Activity", "Event Type", "Type"),
        "occurred_at": ("Timestamp", "Created", "Event Date", "Date", "created_at"),
        "email": ("Email Address", "email", "Recipient", "Email"),
        "page_url": ("URL", "Link", "Clicked URL"),
        "utm_campaign": (
            "Campaign",
            "Campaign Name",
            "Campaign Title",
            "Email campaign",
            "Email Name",
            "category",
        ),
    },
    constants={"medium": "email"},
    names=_EMAIL_NAMES,
    properties=("Subject",),
)

CRM_PRESETS: Mapping[str, Preset] = {
    "hubspot_contacts": _HUBSPOT_CONTACTS,
    "hubspot_deals": _HUBSPOT_DEALS,
    "salesforce_leads": _SALESFORCE_LEADS,
    "salesforce_opportunities": _SALESFORCE_OPPORTUNITIES,
    "mautic_contacts": _MAUTIC_CONTACTS,
    "mailchimp_members": _MAILCHIMP_MEMBERS,
    "email_activity": _EMAIL_ACTIVITY,
}
