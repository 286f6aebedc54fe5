#include "cli/log_tail.h"

namespace cumulet::cli {

LogTail::LogTail(const std::string& group, std::int64_t since_millis, std::optional<std::string> filter) {
  input_.log_group_name = group.starts_with('/') ? group : "/aws/lambda/" + group;
  input_.start_time = since_millis;
  input_.filter_pattern = std::move(filter);
}

Result<void> LogTail::poll(const Session& session,
                           const std::function<void(const wire::logs::FilteredLogEvent&)>& take) {
  do {
    const auto page = session.call<wire::logs::FilterLogEvents>(wire::logs::model(), input_);
    if (!page.ok()) {
      input_.next_token.reset();
      return page.error();
    }
    if (page->events) {
      for (const wire::logs::FilteredLogEvent& event : *page->events) {
        // The next time asks from the last moment on: what was given of it is passed over.
        if (last_id_ && event.event_id && *event.event_id <= *last_id_) continue;
        take(event);
        last_id_ = event.event_id;
        input_.start_time = event.timestamp;
      }
    }
    input_.next_token = page->next_token;
  } while (input_.next_token);
  return {};
}

std::string text_of(const wire::logs::FilteredLogEvent& event) {
  const std::string message = event.message.value_or("");
  return message.substr(0, message.find_last_not_of('\n') + 1);
}

}  // namespace cumulet::cli
