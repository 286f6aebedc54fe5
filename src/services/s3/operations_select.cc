#include "services/s3/customer_key.h"
#include "services/s3/errors.h"
#include "services/s3/permission.h"
#include "services/s3/s3.h"
#include "services/s3/select/csv_source.h"
#include "services/s3/select/errors.h"
#include "services/s3/select/json_source.h"
#include "services/s3/select/parser.h"
#include "services/s3/select/query.h"
#include "services/s3/select/settings.h"
#include "services/s3/select/stream.h"

/// SelectObjectContent. https://docs.aws.amazon.com/AmazonS3/latest/API/API_SelectObjectContent.html
namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

using select::Compression;
using select::CsvInput;
using select::CsvSource;
using select::Input;
using select::JsonSource;
using select::RecordSource;
using select::ScanRange;
using select::select_error;
using select::Settings;

/// Storage classes that Select reads.
bool is_readable(const std::string& storage_class) {
  return storage_class.empty() || storage_class == "STANDARD" || storage_class == "STANDARD_IA" ||
         storage_class == "ONEZONE_IA" || storage_class == "INTELLIGENT_TIERING" || storage_class == "GLACIER_IR" ||
         storage_class == "EXPRESS_ONEZONE" || storage_class == "OUTPOSTS";
}

/// Reads until the header is known.
Task<void> read_header(CsvSource& source, Input& input) {
  while (true) {
    const RecordSource::Next found = source.read_header();
    if (found == RecordSource::Next::kRecord) co_return;
    if (found == RecordSource::Next::kFailed) co_await fail(select_error(source.failure()));
    const std::string piece = co_await input.read();
    if (piece.empty()) {
      source.finish();
    } else {
      source.feed(piece);
    }
  }
}

}  // namespace

void S3::register_select() {
  service_.on<api::SelectObjectContent>([this](Call& c, const auto& in) { return select_object_content(c, in); });
}

/// The names of the columns, for a query that begins somewhere behind them.
Task<std::vector<std::string>> S3::csv_header(Opened opened, CsvInput format) {
  const std::uint64_t size = opened.object.size;
  const std::shared_ptr<BodySource> body = co_await content_of(std::move(opened), 0, size);
  Input input(body, Compression::kNone);
  CsvSource source(std::move(format), std::nullopt);
  co_await read_header(source, input);
  co_return source.names();
}

Task<std::shared_ptr<BodySource>> S3::select_from(Opened opened, select::Statement statement, Settings settings,
                                                  std::optional<ScanRange> range) {
  // Whether a record begins exactly where the range does is seen at the delimiter before it.
  const std::uint64_t delimiter = settings.csv ? settings.csv->record_delimiter.size() : 1;
  const std::uint64_t first = range && range->first > delimiter ? range->first - delimiter : 0;
  const bool within = range && range->first > 0;
  std::vector<std::string> names;
  if (within && settings.csv && settings.csv->header == CsvInput::Header::kUse) {
    names = co_await csv_header(opened, *settings.csv);
  }
  const std::uint64_t length = opened.object.size - first;
  const std::shared_ptr<BodySource> body = co_await content_of(std::move(opened), first, length);
  auto input = std::make_unique<Input>(body, settings.compression);

  std::unique_ptr<RecordSource> source;
  CsvSource* csv = nullptr;
  if (settings.csv) {
    auto made = std::make_unique<CsvSource>(*settings.csv, statement.alias);
    csv = made.get();
    if (within) made->set_names(std::move(names));
    source = std::move(made);
  } else {
    source = std::make_unique<JsonSource>(statement.from, statement.alias);
  }
  source->begin_at(first);
  if (within) source->skip_first();
  if (range) source->stop_after(range->last);
  if (csv != nullptr) co_await read_header(*csv, *input);

  auto query = std::make_unique<select::Query>(std::move(statement), settings, select::Moment::from(clock_.now()));
  co_await query->bind(*source);
  if (csv != nullptr && query->wants_all()) csv->want_all();
  const auto stream =
      std::make_shared<select::SelectStream>(std::move(query), std::move(source), std::move(input), settings.progress);
  co_await stream->begin();
  co_return stream;
}

Task<api::SelectObjectContentOutput> S3::select_object_content(Call& call,
                                                               const api::SelectObjectContentRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, get_action({}), input.key, input.expected_bucket_owner);
  if (call.caller.anonymous) co_return access_denied();
  if (call.http.headers.has("range")) co_return select_error("UnsupportedRangeHeader");
  const Settings settings = co_await select::settings_of(input);
  select::Statement statement = co_await select::parse_statement(input.expression);
  if (settings.csv && !statement.from.empty()) co_return select_error("InvalidKeyPath");
  const std::optional<SealingKey> customer = co_await customer_key_of(input, call);
  Result<Opened> found = co_await attempt(open_object(bucket, input.key, {}, customer));
  if (!found.ok()) co_await mention_marker(call, bucket, input.key, {});
  Opened opened = co_await std::move(found);
  if (!is_readable(opened.object.metadata.storage_class)) co_return select_error("UnsupportedStorageClass");
  const std::optional<ScanRange> range = co_await select::scan_range_of(input, settings, opened.object.size);
  api::SelectObjectContentOutput output;
  output.payload = co_await select_from(std::move(opened), std::move(statement), settings, range);
  co_return output;
}

}  // namespace cumulet::s3
