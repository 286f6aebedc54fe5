#include "services/s3/inventory.h"

#include <map>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "services/s3/inventory_configurations.h"
#include "services/s3/lifecycle_rules.h"
#include "services/s3/service_delivery.h"
#include "services/s3/store.h"
#include "services/s3/versions.h"
#include "wire/arn.h"

namespace cumulet::s3 {
namespace api = wire::s3;
namespace {

constexpr const char* kInventoryPrincipal = "s3.amazonaws.com";
constexpr std::size_t kRowsInPage = 200;
constexpr std::size_t kPackedLimit = 4u << 20;  ///< A data file ends after so many bytes, about.
constexpr std::int64_t kInventoryDay = 86'400'000;
constexpr std::int64_t kFirstSunday = 3;  ///< The day's number since 1970, which began with a Thursday.
constexpr const char* kCsvType = "application/x-gzip";

bool is_sunday(std::int64_t millis) { return millis / kInventoryDay % 7 == kFirstSunday; }

/// The first midnight after `now` at which a report is due.
Timestamp next_report(const api::InventoryConfiguration& configuration, std::int64_t now) {
  std::int64_t at = midnight_after(now + 1, 0);
  while (configuration.schedule.frequency == "Weekly" && !is_sunday(at)) at += kInventoryDay;
  return Timestamp(std::chrono::milliseconds(at));
}

std::string encryption_asked(const api::InventoryS3BucketDestination& destination) {
  if (!destination.encryption) return "";
  return destination.encryption->ssekms ? "aws:kms" : "AES256";
}

std::string report_prefix(const api::InventoryS3BucketDestination& destination, const std::string& source,
                          const std::string& id) {
  std::string prefix = destination.prefix.value_or("");
  if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/';
  return prefix + source + "/" + id + "/";
}

}  // namespace

/// How far the lines of a report have come; a transaction that runs again begins at the same place.
struct InventoryPlace {
  InventoryPlace() = default;
  std::string key;
  std::uint64_t order = 0;  ///< Not 0: within the versions of that key.
  bool has_current = false;
  bool end = false;
};

/// What one report is made of, and what of it has been written.
struct Inventory::Job {
  Bucket source;
  Bucket destination;
  api::InventoryConfiguration configuration;
  InventoryPlace place;
  std::vector<InventoryFile> files;

  InventoryReport report(std::int64_t made) const {
    const api::InventoryS3BucketDestination& wanted = configuration.destination.s3_bucket_destination;
    InventoryReport report;
    report.source = source.name;
    report.destination = destination.name;
    report.prefix = report_prefix(wanted, source.name, configuration.id);
    report.schema = InventoryColumns(configuration).schema();
    report.made = made;
    report.files = files;
    return report;
  }

  /// Between two deliveries of its event.
  std::map<std::string, std::string> notes() const {
    std::string written;
    for (const InventoryFile& file : files) written += std::to_string(file.size) + " " + file.md5 + "\n";
    return {{"Key", place.key},
            {"Order", std::to_string(place.order)},
            {"HasCurrent", place.has_current ? "1" : "0"},
            {"Files", written}};
  }
  void take_notes(const std::map<std::string, std::string>& notes, std::int64_t made) {
    const auto text_of = [&notes](const char* name) {
      const auto found = notes.find(name);
      return found == notes.end() ? std::string() : found->second;
    };
    place.key = text_of("Key");
    place.order = static_cast<std::uint64_t>(parse_int(text_of("Order")).value_or(0));
    place.has_current = text_of("HasCurrent") == "1";
    const InventoryReport empty = report(made);
    const std::string written = text_of("Files");
    for (const std::string_view line : split(written, '\n')) {
      const std::size_t space = line.find(' ');
      if (space == std::string_view::npos) continue;
      const auto size = static_cast<std::uint64_t>(parse_int(line.substr(0, space)).value_or(0));
      files.emplace_back(empty.data_key(files.size()), size, std::string(line.substr(space + 1)));
    }
  }
};

/// The lines of a report, page by page: current objects by key, or each key with all its versions.
class Inventory::Rows {
 public:
  Rows(storage::Database& database, Job& job)
      : database_(database),
        job_(job),
        columns_(job.configuration),
        contents_(job.source),
        versions_(job.source),
        prefix_(job.configuration.filter ? job.configuration.filter->prefix : std::string()),
        all_versions_(job.configuration.included_object_versions == "All") {}

  /// The next lines; empty at the end.
  Task<std::string> next() {
    std::string lines;
    while (lines.empty() && !job_.place.end) {
      const auto read = [this](storage::Transaction& txn) -> Task<std::string> {
        if (all_versions_) co_return co_await of_key(txn);
        co_return co_await of_objects(txn);
      };
      lines = co_await storage::transact(database_, read);
      job_.place = step_;
    }
    co_return lines;
  }

 private:
  Task<std::string> of_objects(storage::Transaction& txn) {
    step_ = job_.place;
    const std::string from = step_.key.empty() ? std::string() : contents_.after_key(step_.key);
    const std::vector<Object> objects = co_await contents_.list_objects(txn, prefix_, from, kRowsInPage);
    std::string lines;
    for (const Object& object : objects) lines += columns_.line(job_.source, object, true);
    if (objects.empty()) step_.end = true;
    if (!objects.empty()) step_.key = objects.back().key;
    co_return lines;
  }

  Task<std::string> of_key(storage::Transaction& txn) {
    step_ = job_.place;
    std::string lines;
    if (step_.order == 0) {
      const std::string current_from = step_.key.empty() ? std::string() : contents_.after_key(step_.key);
      const std::string kept_from = step_.key.empty() ? std::string() : versions_.after_key(step_.key);
      const std::vector<Object> current = co_await contents_.list_objects(txn, prefix_, current_from, 1);
      const std::optional<std::string> kept = co_await versions_.first_key(txn, prefix_, kept_from);
      if (current.empty() && !kept) {
        step_.end = true;
        co_return lines;
      }
      step_.has_current = !current.empty() && (!kept || current.front().key <= *kept);
      step_.key = step_.has_current ? current.front().key : *kept;
      if (step_.has_current) lines += columns_.line(job_.source, current.front(), true);
    }
    const std::vector<Object> page = co_await versions_.of_key(txn, step_.key, step_.order, kRowsInPage);
    for (const Object& version : page) {
      const bool newest = !step_.has_current && step_.order == 0;
      lines += columns_.line(job_.source, version, newest);
      step_.order = order_of(version);
    }
    if (page.size() < kRowsInPage) step_.order = 0;
    co_return lines;
  }

  storage::Database& database_;
  Job& job_;
  const InventoryColumns columns_;
  const Contents contents_;
  const Versions versions_;
  const std::string prefix_;
  const bool all_versions_;
  InventoryPlace step_;
};

Inventory::Inventory(storage::Database& database, const Clock& clock, events::Outbox& outbox, Write write)
    : database_(database),
      clock_(clock),
      outbox_(outbox),
      write_(std::move(write)),
      timetable_(database, clock, std::string(kService),
                 [this](storage::Transaction& txn, Timestamp due, std::string id) {
                   return fall_due(txn, due, std::move(id));
                 }) {}

void Inventory::begin(storage::Transaction& txn, const std::string& bucket,
                      const api::InventoryConfiguration& configuration) const {
  if (!configuration.is_enabled) return;
  timetable_.put(txn, next_report(configuration, clock_.now_millis()), bucket + "/" + configuration.id);
}

/// An entry whose configuration has gone, or wants its reports at other times by now, is no more.
Task<void> Inventory::fall_due(storage::Transaction& txn, Timestamp due, std::string id) {
  const std::size_t slash = id.find('/');
  const std::string name = id.substr(0, slash);
  const std::string configured = id.substr(slash + 1);
  const std::optional<Bucket> bucket = co_await find_bucket(txn, name);
  if (!bucket) co_return;
  const std::optional<api::InventoryConfiguration> configuration = co_await find_inventory(txn, name, configured);
  if (!configuration || !configuration->is_enabled) co_return;
  const std::int64_t due_millis = std::chrono::duration_cast<std::chrono::milliseconds>(due.time_since_epoch()).count();
  if (configuration->schedule.frequency == "Weekly" && !is_sunday(due_millis)) co_return;
  begin(txn, name, *configuration);
  events::Event event;
  event.account = bucket->account;
  event.region = bucket->region;
  event.target_arn = wire::make_arn(kService, bucket->region, bucket->account, name);
  event.source_arn = bucket->arn();
  event.payload = configured;
  event.attributes["Bucket"] = name;
  event.attributes["Made"] = std::to_string(due_millis);
  outbox_.record(txn, std::move(event));
}

/// Nullptr when there is nothing to do any more, or nobody to take it, which the log says.
Task<std::shared_ptr<Inventory::Job>> Inventory::find_job(storage::Transaction& txn, std::string bucket,
                                                          std::string id) {
  const std::optional<Bucket> source = co_await find_bucket(txn, bucket);
  const std::optional<api::InventoryConfiguration> configuration = co_await find_inventory(txn, bucket, id);
  if (!source || !configuration) co_return std::shared_ptr<Job>();
  const std::string name = inventory_destination(*configuration).value_or("");
  const std::optional<Bucket> destination = co_await find_bucket(txn, name);
  const api::InventoryS3BucketDestination& wanted = configuration->destination.s3_bucket_destination;
  const std::string example = report_prefix(wanted, bucket, id) + "data/";
  const char* why = nullptr;
  if (!destination) why = "the destination bucket is not there";
  if (destination && destination->region != source->region) why = "the destination bucket is in another region";
  if (destination && wanted.account_id && *wanted.account_id != destination->account) {
    why = "the destination bucket is of another account than the configuration says";
  }
  if (why == nullptr &&
      policy_for_service(kInventoryPrincipal, *source, *destination, example) != access::Decision::kAllow) {
    why = "the destination's policy does not let s3.amazonaws.com put objects";
  }
  if (why != nullptr) {
    log::warning("an inventory was not delivered", {{"bucket", bucket}, {"configuration", id}, {"why", why}});
    co_return std::shared_ptr<Job>();
  }
  auto job = std::make_shared<Job>();
  job->source = *source;
  job->destination = *destination;
  job->configuration = *configuration;
  co_return job;
}

/// One data file a delivery.
Task<events::Outcome> Inventory::deliver(const events::Event& event) {
  const auto bucket = event.attributes.find("Bucket");
  const auto made = event.attributes.find("Made");
  if (bucket == event.attributes.end() || made == event.attributes.end()) co_return events::Outcome::delivered();
  const std::string name = bucket->second;
  const std::string id = event.payload;
  const std::int64_t made_at = parse_int(made->second).value_or(0);
  const auto read = [&](storage::Transaction& txn) { return find_job(txn, name, id); };
  const std::shared_ptr<Job> job = co_await storage::transact(database_, read);
  if (!job) co_return events::Outcome::delivered();
  job->take_notes(event.attributes, made_at);
  InventoryReport report = job->report(made_at);
  co_await write_data(job, report);
  if (job->place.end) {
    co_await write_report(job, made_at);
    co_return events::Outcome::delivered();
  }
  events::Outcome outcome = events::Outcome::retry(milliseconds(0), "the inventory goes on");
  outcome.notes = job->notes();
  co_return outcome;
}

/// The manifest comes when everything that it names is there, and its checksum after it.
Task<void> Inventory::write_report(std::shared_ptr<Job> job, std::int64_t made) {
  const std::string encryption = encryption_asked(job->configuration.destination.s3_bucket_destination);
  const InventoryReport report = job->report(made);
  const std::string manifest = report.manifest();
  co_await write_(job->destination, report.symlink_key(), "text/plain", report.symlinks(), encryption);
  co_await write_(job->destination, report.manifest_key("manifest.json"), "application/json", manifest, encryption);
  co_await write_(job->destination, report.manifest_key("manifest.checksum"), "application/octet-stream",
                  hex_encode(md5(manifest)), encryption);
}

/// The next file; a report of nothing has one too.
Task<void> Inventory::write_data(std::shared_ptr<Job> job, InventoryReport& report) {
  Rows rows(database_, *job);
  GzipText packed;
  std::string lines = co_await rows.next();
  if (lines.empty() && !job->files.empty()) co_return;
  while (!lines.empty()) {
    packed.add(lines);
    if (packed.packed() >= kPackedLimit) break;
    lines = co_await rows.next();
  }
  std::string bytes = packed.finish();
  std::string key = report.data_key(job->files.size());
  job->files.emplace_back(key, bytes.size(), hex_encode(md5(bytes)));
  std::string encryption = encryption_asked(job->configuration.destination.s3_bucket_destination);
  co_await write_(job->destination, std::move(key), kCsvType, std::move(bytes), std::move(encryption));
}

}  // namespace cumulet::s3
