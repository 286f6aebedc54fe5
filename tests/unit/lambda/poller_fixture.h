#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "services/lambda/event_source/mapping_rules.h"
#include "services/lambda/event_source/poller.h"
#include "tests/unit/lambda/lambda_fixture.h"

namespace cumulet::lambda {

/// Runs one poller on a loop of its own, with a function that answers as it is told.
class PollerTest : public testing::Test {
 protected:
  PollerTest() {
    tools.invoke = [this](const MappingRow& mapping, std::string payload, std::string) {
      return invoke(mapping, std::move(payload));
    };
    tools.role = [](const MappingRow&) -> Task<std::string> { co_return "arn:aws:iam::000000000000:role/r"; };
    tools.report = [this](const MappingRow&, std::string result) { results.push_back(std::move(result)); };
  }

  Task<BatchReply> invoke(const MappingRow&, std::string payload) {
    payloads.push_back(payload);
    co_await sleep_for(std::chrono::milliseconds(1));
    Result<BatchReply> reply = BatchReply();
    if (answer) reply = answer(payload);
    co_return std::move(reply);
  }

  static BatchReply function_error() {
    BatchReply reply;
    reply.function_error = "Unhandled";
    reply.payload = R"({"errorMessage":"no"})";
    reply.request_id = "request";
    reply.executed_version = "$LATEST";
    return reply;
  }
  static BatchReply answering(const std::string& payload) {
    BatchReply reply;
    reply.payload = payload;
    return reply;
  }

  static Task<bool> until(std::function<bool()> condition) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
      co_await sleep_for(std::chrono::milliseconds(1));
    }
    co_return condition();
  }

  Task<bool> work(std::shared_ptr<Poller> poller, std::function<bool()> condition) {
    const auto over = std::make_shared<bool>(false);
    cumulet::start(poller->run(), [over](const Result<void>&) { *over = true; });
    const bool came = co_await until(condition);
    poller->stop();
    const bool ended = co_await until([over] { return *over; });
    co_return came&& ended;
  }

  /// What was left waiting ends.
  static Task<void> a_moment() { co_await sleep_for(std::chrono::milliseconds(5)); }

  MappingRow mapping(const std::string& source) {
    MappingRow row;
    row.account = "000000000000";
    row.region = "us-east-1";
    row.configuration.uuid = "mapping";
    row.configuration.event_source_arn = source;
    row.configuration.function_arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
    return row;
  }

  LocalLoop loop;
  ManualClock clock{Timestamp(std::chrono::seconds(1'795'000'000))};
  std::unique_ptr<storage::Database> database = storage::open_memory();
  FakeOutbox outbox;
  wire::Directory services;
  PollerTools tools{*database, outbox, clock, services};
  std::function<Result<BatchReply>(const std::string&)> answer;
  std::vector<std::string> payloads;
  std::vector<std::string> results;
};

}  // namespace cumulet::lambda
