#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/body.h"
#include "base/loop.h"
#include "services/s3/select/input.h"
#include "services/s3/select/query.h"
#include "services/s3/select/record_source.h"

namespace cumulet::s3::select {

/// The answer of SelectObjectContent: messages of an event stream, made while they are read.
/// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html
class SelectStream final : public BodySource {
 public:
  SelectStream(std::unique_ptr<Query> query, std::unique_ptr<RecordSource> source, std::unique_ptr<Input> input,
               bool progress);

  /// Makes the first message, so that what is wrong from the beginning is answered as an error.
  Task<void> begin();
  Task<std::string> read() override;

 private:
  /// Works until there is something to say.
  Task<void> advance();
  /// Takes the records that are there, for a moment. Gives the code of an error, or sets what is to be done next.
  std::string_view work(bool& more, bool& ended);
  void send_records();
  void send_counts(std::string_view event);
  void end();

  const std::unique_ptr<Query> query_;
  const std::unique_ptr<RecordSource> source_;
  const std::unique_ptr<Input> input_;
  const bool progress_;
  std::string rows_;      ///< Not sent yet.
  std::string messages_;  ///< To be sent.
  std::size_t sent_ = 0;  ///< Of `messages_`.
  std::uint64_t returned_ = 0;
  bool ended_ = false;
  SteadyTime last_word_;
};

}  // namespace cumulet::s3::select
