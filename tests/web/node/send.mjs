// Sends events with the unmodified client: node send.mjs HOST WRITE_KEY COUNT USER [BATCH]
import { Analytics } from "@segment/analytics-node";

const [host, writeKey, count, user, batch] = process.argv.slice(2);
const analytics = new Analytics({
  host,
  writeKey,
  path: "/v1/batch",
  flushAt: Number(batch ?? 15),
  maxRetries: 1000,
});
let failures = 0;
analytics.on("error", () => { failures += 1; });
for (let place = 0; place < Number(count); place += 1) {
  analytics.track({
    userId: `${user}-${place % 50}`,
    event: "Product Viewed",
    properties: { product_id: `${user}-${place}`, price: 4.5, currency: "GBP", category: "Kitchen" },
    context: { page: { path: `/p/${place}`, url: `https://shop.example/p/${place}?utm_source=node` } },
  });
  if (place % 500 === 499) await new Promise((next) => setTimeout(next, 0));
}
await analytics.closeAndFlush({ timeout: 600000 });
process.stdout.write(JSON.stringify({ failures }));
