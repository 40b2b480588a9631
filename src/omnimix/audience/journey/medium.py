"""Which medium brought somebody: from UTM parameters, click ids and the referrer's host.

in   the columns medium, utm_source, utm_campaign, click_id_kind, referrer_host, page_path and name of events
out  expressions for medium, source and campaign, and for whether an event tells anything at all

The order of trust is the usual one of web analytics: what the link says (UTM), then the click id an ad platform
adds, then the referrer. The names of the mediums are our own closed set, `MEDIUMS`.
"""

import re

import ibis
from ibis.expr.types import BooleanValue, StringValue, Table

DIRECT = "direct"
UNKNOWN = "unknown"
MEDIUMS = (
    "paid_search",
    "paid_social",
    "display",
    "affiliate",
    "email",
    "sms",
    "push",
    "organic_search",
    "organic_social",
    "referral",
    "other",  # a UTM medium that is none of the known ones
    DIRECT,  # a visit, and nothing tells where from
    UNKNOWN,  # no visit was seen: an order from a till or an order file
)

SEARCH_HOSTS = (
    "bing.com",
    "duckduckgo.com",
    "ecosia.org",
    "baidu.com",
    "qwant.com",
    "startpage.com",
    "search.brave.com",
)
SEARCH_BRANDS = ("google", "yandex", "yahoo", "seznam", "naver")  # one name under many country domains
SOCIAL_HOSTS = (
    "facebook.com",
    "fb.com",
    "instagram.com",
    "t.co",
    "twitter.com",
    "x.com",
    "linkedin.com",
    "lnkd.in",
    "pinterest.com",
    "pinterest.co.uk",
    "pin.it",
    "tiktok.com",
    "reddit.com",
    "youtube.com",
    "youtu.be",
    "threads.net",
    "snapchat.com",
    "bsky.app",
    "vk.com",
    "whatsapp.com",
)
MAIL_HOSTS = ("mail.google.com", "outlook.live.com", "mail.yahoo.com", "mail.aol.com", "webmail.co.uk", "gmx.net")
SOCIAL_SOURCES = (
    "facebook",
    "fb",
    "ig",
    "instagram",
    "meta",
    "twitter",
    "x",
    "linkedin",
    "pinterest",
    "tiktok",
    "reddit",
    "snapchat",
    "youtube",
    "threads",
)

# What people write into utm_medium, and the medium it means. `cpc` means paid search unless the source is social.
UTM_WORDS = {
    "paid_search": ("cpc", "ppc", "paidsearch", "paid_search", "paid-search", "sem", "paid search", "paid"),
    "paid_social": ("paid_social", "paidsocial", "paid-social", "social_paid", "paid social", "cpc_social"),
    "display": ("display", "banner", "cpm", "programmatic", "retargeting"),
    "affiliate": ("affiliate", "affiliates", "partner"),
    "email": ("email", "e-mail", "e_mail", "newsletter", "mail"),
    "sms": ("sms", "text"),
    "push": ("push", "web_push", "notification"),
    "organic_search": ("organic", "organic_search", "organic search"),
    "organic_social": ("social", "organic_social", "social-network", "social_network", "sm", "organic social"),
    "referral": ("referral", "link"),
    DIRECT: ("(none)", "none", "direct", "(not set)", "(direct)"),
}
# A click id by the parameter's name. fbclid is added to unpaid links too, so alone it does not prove an ad.
CLICK_IDS = {
    "paid_search": ("gclid", "gbraid", "wbraid", "msclkid"),
    "paid_social": ("ttclid", "twclid", "li_fat_id", "rdt_cid", "sccid", "epik"),
    "display": ("dclid",),
    "email": ("mc_eid", "mc_cid", "_kx"),
    "organic_social": ("fbclid", "igshid"),
}
EMAIL_TOUCHES = ("Email Opened", "Email Link Clicked")


def tells(events: Table, own_hosts: tuple[str, ...] = ()) -> BooleanValue:
    """Whether an event says where the person came from: a UTM, a click id, a foreign referrer, or an e-mail."""
    said = events.medium.notnull() & ~events.medium.lower().isin(UTM_WORDS[DIRECT])
    foreign = _foreign(events.referrer_host, own_hosts)
    mail = events.name.isin(EMAIL_TOUCHES)
    return said | events.utm_source.notnull() | events.click_id_kind.notnull() | foreign.fill_null(False) | mail


def medium(events: Table, own_hosts: tuple[str, ...] = ()) -> StringValue:
    """The medium of each event, one of `MEDIUMS`; `direct` where a visit tells nothing, `unknown` without one."""
    said, source = events.medium.lower(), events.utm_source.lower()
    host, click = events.referrer_host.lower(), events.click_id_kind.lower()
    foreign = _foreign(events.referrer_host, own_hosts)
    paid_social = said.isin(UTM_WORDS["paid_search"]) & (
        source.isin(SOCIAL_SOURCES) | click.isin(("fbclid", "igshid"))
    )
    known = [(said.isin(words), name) for name, words in UTM_WORDS.items() if name != DIRECT]
    clicked = [(click.isin(kinds), name) for name, kinds in CLICK_IDS.items()]
    return ibis.cases(
        (events.name.isin(EMAIL_TOUCHES), "email"),
        (paid_social, "paid_social"),
        *known,
        (said.notnull() & ~said.isin(UTM_WORDS[DIRECT]), "other"),
        *clicked,
        (foreign & host.re_search(host_pattern(MAIL_HOSTS)), "email"),
        (foreign & host.re_search(host_pattern(SEARCH_HOSTS, SEARCH_BRANDS)), "organic_search"),
        (foreign & host.re_search(host_pattern(SOCIAL_HOSTS)), "organic_social"),
        (foreign, "referral"),
        (source.notnull(), "other"),
        (events.page_path.isnull() & events.referrer_host.isnull() & events.medium.isnull(), UNKNOWN),
        else_=DIRECT,
    )


def source(events: Table, own_hosts: tuple[str, ...] = ()) -> StringValue:
    """Who sent them: utm_source, else the referrer's host without `www.`, else the kind of click id, `(none)`."""
    host = events.referrer_host.lower().re_replace(r"^www\.", "")
    foreign = _foreign(events.referrer_host, own_hosts)
    return ibis.coalesce(
        events.utm_source.lower(),
        foreign.ifelse(host, ibis.null("string")),
        events.click_id_kind.lower(),
        ibis.literal("(none)"),
    )


def _foreign(host: StringValue, own_hosts: tuple[str, ...]) -> BooleanValue:
    given = host.notnull() & (host != "")
    return given & ~host.lower().re_search(host_pattern(own_hosts)) if own_hosts else given


def host_pattern(names: tuple[str, ...], brands: tuple[str, ...] = ()) -> str:
    """A pattern that fits these hosts and their subdomains, and a brand's name under any country's domain."""
    endings = [re.escape(n.lower().removeprefix("www.")) for n in names]
    endings += [rf"{re.escape(b)}\.[a-z]{{2,3}}(\.[a-z]{{2}})?" for b in brands]
    return rf"(^|\.)({'|'.join(endings)})$"
