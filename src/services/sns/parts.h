#pragma once

#include <string>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "events/metric_sink.h"
#include "events/outbox.h"
#include "net/client.h"
#include "services/sns/signer.h"
#include "services/sns/topic_views.h"
#include "storage/database.h"
#include "wire/directory.h"

namespace cumulet::sns {

/// What `serve` was told about the world outside. Empty: not there.
struct Options {
  std::string signing_host;  ///< In SigningCertURL; empty: sns.REGION.amazonaws.com, as validators insist.
  std::string public_url;    ///< Stem of links for subscribers; empty: as the subscribing client reached us.
  std::string smtp_url;      ///< smtp[s]://[user:password@]host[:port]
  std::string smtp_from;
  std::string sms_gateway;  ///< An HTTP endpoint that takes messages as JSON.
  std::string fcm_url = "https://fcm.googleapis.com";
  std::string apns_url = "https://api.push.apple.com";
  std::string apns_sandbox_url = "https://api.sandbox.push.apple.com";
};

/// What the parts of SNS share. Everything outlives it.
struct Parts {
  Parts(storage::Database& d, const Clock& c, events::Outbox& o, net::Client& n, const wire::Directory& dir,
        ThreadPool& p, Signer& s, Options opts)
      : database(d),
        clock(c),
        outbox(o),
        client(n),
        directory(dir),
        pool(p),
        signer(s),
        options(std::move(opts)),
        views(d) {}

  storage::Database& database;
  const Clock& clock;
  events::Outbox& outbox;
  net::Client& client;
  const wire::Directory& directory;
  ThreadPool& pool;
  Signer& signer;
  const Options options;
  TopicViews views;
  events::Target* queues = nullptr;  ///< Takes messages for queues without a row of the outbox between.
  events::MetricSink* metrics = nullptr;
};

/// Counts AWS/SNS's metric of a topic.
void count(Parts& parts, const TopicName& topic, std::string_view metric, double value = 1,
           std::string_view unit = "Count");

}  // namespace cumulet::sns
