#include "services/cloudwatch/alarm_messages.h"

#include <array>

#include "base/text.h"
#include "wire/json_writer.h"

namespace cumulet::cloudwatch {
namespace {

namespace api = wire::cloudwatch;
using wire::JsonWriter;

/// The names that messages give to regions.
std::string region_name(const std::string& region) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 18> kNames{{
      {"us-east-1", "US East (N. Virginia)"},
      {"us-east-2", "US East (Ohio)"},
      {"us-west-1", "US West (N. California)"},
      {"us-west-2", "US West (Oregon)"},
      {"ca-central-1", "Canada (Central)"},
      {"eu-west-1", "EU (Ireland)"},
      {"eu-west-2", "EU (London)"},
      {"eu-west-3", "EU (Paris)"},
      {"eu-central-1", "EU (Frankfurt)"},
      {"eu-north-1", "EU (Stockholm)"},
      {"eu-south-1", "EU (Milan)"},
      {"ap-northeast-1", "Asia Pacific (Tokyo)"},
      {"ap-northeast-2", "Asia Pacific (Seoul)"},
      {"ap-northeast-3", "Asia Pacific (Osaka)"},
      {"ap-southeast-1", "Asia Pacific (Singapore)"},
      {"ap-southeast-2", "Asia Pacific (Sydney)"},
      {"ap-south-1", "Asia Pacific (Mumbai)"},
      {"sa-east-1", "South America (Sao Paulo)"},
  }};
  for (const auto& [code, name] : kNames) {
    if (code == region) return std::string(name);
  }
  return region;
}

void text_or_null(JsonWriter& json, std::string_view key, const std::optional<std::string>& text) {
  json.key(key);
  if (text) {
    json.string(*text);
  } else {
    json.null();
  }
}

void texts(JsonWriter& json, std::string_view key, const std::optional<std::vector<std::string>>& values) {
  json.key(key).begin_array();
  if (values) {
    for (const std::string& value : *values) json.string(value);
  }
  json.end_array();
}

void list_dimensions(JsonWriter& json, std::string_view key,
                     const std::optional<std::vector<api::Dimension>>& dimensions) {
  json.key(key).begin_array();
  if (dimensions) {
    for (const api::Dimension& dimension : *dimensions) {
      json.begin_object().key("value").string(dimension.value).key("name").string(dimension.name).end_object();
    }
  }
  json.end_array();
}

void trigger_queries(JsonWriter& json, const std::vector<api::MetricDataQuery>& queries) {
  json.key("Metrics").begin_array();
  for (const api::MetricDataQuery& query : queries) {
    json.begin_object();
    if (query.expression) json.key("Expression").string(*query.expression);
    json.key("Id").string(query.id);
    if (query.label) json.key("Label").string(*query.label);
    if (query.metric_stat) {
      const api::MetricStat& stat = *query.metric_stat;
      json.key("MetricStat").begin_object().key("Metric").begin_object();
      list_dimensions(json, "Dimensions", stat.metric.dimensions);
      json.key("MetricName").string(stat.metric.metric_name.value_or(""));
      json.key("Namespace").string(stat.metric.namespace_.value_or("")).end_object();
      json.key("Period").integer(stat.period).key("Stat").string(stat.stat).end_object();
    }
    json.key("ReturnData").boolean(query.return_data.value_or(true)).end_object();
  }
  json.end_array();
}

std::string statistic_name(const std::string& statistic) {
  return statistic == "SampleCount" ? "SAMPLE_COUNT" : to_upper(statistic);
}

void trigger(JsonWriter& json, const api::MetricAlarm& alarm) {
  json.key("Trigger").begin_object();
  if (alarm.metrics) {
    trigger_queries(json, *alarm.metrics);
  } else {
    json.key("MetricName").string(alarm.metric_name.value_or(""));
    json.key("Namespace").string(alarm.namespace_.value_or(""));
    json.key("StatisticType").string(alarm.statistic ? "Statistic" : "ExtendedStatistic");
    if (alarm.statistic) json.key("Statistic").string(statistic_name(*alarm.statistic));
    if (alarm.extended_statistic) json.key("ExtendedStatistic").string(*alarm.extended_statistic);
    text_or_null(json, "Unit", alarm.unit);
    list_dimensions(json, "Dimensions", alarm.dimensions);
  }
  json.key("Period").integer(alarm.period.value_or(60));
  json.key("EvaluationPeriods").integer(alarm.evaluation_periods.value_or(1));
  if (alarm.datapoints_to_alarm) json.key("DatapointsToAlarm").integer(*alarm.datapoints_to_alarm);
  json.key("ComparisonOperator").string(alarm.comparison_operator.value_or(""));
  json.key("Threshold").number(alarm.threshold.value_or(0));
  json.key("TreatMissingData").string(alarm.treat_missing_data.value_or(""));
  json.key("EvaluateLowSampleCountPercentile").string(alarm.evaluate_low_sample_count_percentile.value_or(""));
  json.end_object();
}

void state_object(JsonWriter& json, std::string_view key, const std::string& value, const std::string& reason,
                  const std::string& reason_data, Timestamp since) {
  json.key(key).begin_object();
  json.key("value").string(value).key("reason").string(reason);
  if (!reason_data.empty()) json.key("reasonData").string(reason_data);
  json.key("timestamp").string(message_time(since)).end_object();
}

void metric_object(JsonWriter& json, const std::string& space, const std::string& name,
                   const std::optional<std::vector<api::Dimension>>& dimensions) {
  json.key("metric").begin_object().key("namespace").string(space).key("name").string(name);
  json.key("dimensions").begin_object();
  if (dimensions) {
    for (const api::Dimension& dimension : *dimensions) json.key(dimension.name).string(dimension.value);
  }
  json.end_object().end_object();
}

/// The metrics of "configuration", with lower-case names.
void configured_metrics(JsonWriter& json, const api::MetricAlarm& alarm) {
  json.key("metrics").begin_array();
  if (!alarm.metrics) {
    json.begin_object().key("id").string("m1").key("metricStat").begin_object();
    metric_object(json, alarm.namespace_.value_or(""), alarm.metric_name.value_or(""), alarm.dimensions);
    json.key("period").integer(alarm.period.value_or(60));
    json.key("stat").string(alarm.statistic ? *alarm.statistic : alarm.extended_statistic.value_or(""));
    json.end_object().key("returnData").boolean(true).end_object();
  } else {
    for (const api::MetricDataQuery& query : *alarm.metrics) {
      json.begin_object().key("id").string(query.id);
      if (query.label) json.key("label").string(*query.label);
      if (query.expression) json.key("expression").string(*query.expression);
      if (query.metric_stat) {
        const api::MetricStat& stat = *query.metric_stat;
        json.key("metricStat").begin_object();
        metric_object(json, stat.metric.namespace_.value_or(""), stat.metric.metric_name.value_or(""),
                      stat.metric.dimensions);
        json.key("period").integer(stat.period).key("stat").string(stat.stat).end_object();
      }
      json.key("returnData").boolean(query.return_data.value_or(true)).end_object();
    }
  }
  json.end_array();
}

void alarm_data(JsonWriter& json, const Alarm& alarm, const FormerState& former) {
  json.key("alarmName").string(alarm.name());
  alarm.visit([&json](const auto& a) {
    state_object(json, "state", a.state_value.value_or(""), a.state_reason.value_or(""),
                 a.state_reason_data.value_or(""), *a.state_updated_timestamp);
  });
  state_object(json, "previousState", former.value, former.reason, former.reason_data, former.since);
  json.key("configuration").begin_object();
  alarm.visit([&json](const auto& a) {
    if (a.alarm_description) json.key("description").string(*a.alarm_description);
  });
  if (alarm.metric) configured_metrics(json, *alarm.metric);
  if (alarm.composite) json.key("alarmRule").string(alarm.composite->alarm_rule.value_or(""));
  json.end_object();
}

void triggering_children(JsonWriter& json, const std::vector<Alarm>& children) {
  json.key("TriggeringChildren").begin_array();
  for (const Alarm& child : children) {
    json.begin_object().key("Arn").string(child.arn()).key("State").begin_object();
    json.key("Value").string(child.state());
    const Timestamp since = child.visit([](const auto& a) { return *a.state_updated_timestamp; });
    json.key("Timestamp").string(message_time(since)).end_object().end_object();
  }
  json.end_array();
}

}  // namespace

std::string message_time(Timestamp time) {
  std::string text = iso8601(time, true);
  text.back() = '+';
  return text + "0000";
}

std::string notification_message(const Alarm& alarm, const FormerState& former, const std::string& account,
                                 const std::string& region, const std::vector<Alarm>& children) {
  JsonWriter json;
  json.begin_object();
  alarm.visit([&](const auto& a) {
    json.key("AlarmName").string(alarm.name());
    text_or_null(json, "AlarmDescription", a.alarm_description);
    json.key("AWSAccountId").string(account);
    json.key("AlarmConfigurationUpdatedTimestamp").string(message_time(*a.alarm_configuration_updated_timestamp));
    json.key("NewStateValue").string(alarm.state());
    json.key("NewStateReason").string(a.state_reason.value_or(""));
    json.key("StateChangeTime").string(message_time(*a.state_updated_timestamp));
    json.key("Region").string(region_name(region));
    json.key("AlarmArn").string(alarm.arn());
    json.key("OldStateValue").string(former.value);
    texts(json, "OKActions", a.ok_actions);
    texts(json, "AlarmActions", a.alarm_actions);
    texts(json, "InsufficientDataActions", a.insufficient_data_actions);
  });
  if (alarm.metric) trigger(json, *alarm.metric);
  if (alarm.composite) {
    json.key("AlarmRule").string(alarm.composite->alarm_rule.value_or(""));
    triggering_children(json, children);
  }
  json.end_object();
  return json.take();
}

std::string notification_subject(const Alarm& alarm, const std::string& region) {
  std::string subject = alarm.state() + ": \"" + alarm.name() + "\" in " + region_name(region);
  if (subject.size() > 100) subject = subject.substr(0, 97) + "...";
  // A subject is ASCII.
  for (char& c : subject) {
    if (static_cast<unsigned char>(c) >= 0x80 || static_cast<unsigned char>(c) < 0x20) c = '?';
  }
  return subject;
}

std::string function_event(const Alarm& alarm, const FormerState& former, const std::string& account,
                           const std::string& region) {
  const Timestamp time = alarm.visit([](const auto& a) { return *a.state_updated_timestamp; });
  JsonWriter json;
  json.begin_object();
  json.key("source").string("aws.cloudwatch").key("alarmArn").string(alarm.arn());
  json.key("accountId").string(account).key("time").string(message_time(time)).key("region").string(region);
  json.key("alarmData").begin_object();
  alarm_data(json, alarm, former);
  json.end_object().end_object();
  return json.take();
}

std::string state_change_detail(const Alarm& alarm, const FormerState& former) {
  JsonWriter json;
  json.begin_object();
  alarm_data(json, alarm, former);
  json.end_object();
  return json.take();
}

std::string history_data(const Alarm& alarm, const FormerState& former) {
  JsonWriter json;
  const auto state = [&json](std::string_view key, const std::string& value, const std::string& reason,
                             const std::string& data) {
    json.key(key).begin_object().key("stateValue").string(value).key("stateReason").string(reason);
    if (!data.empty()) json.key("stateReasonData").raw(data);
    json.end_object();
  };
  json.begin_object().key("version").string("1.0");
  state("oldState", former.value, former.reason, former.reason_data);
  alarm.visit([&state](const auto& a) {
    state("newState", a.state_value.value_or(""), a.state_reason.value_or(""), a.state_reason_data.value_or(""));
  });
  json.end_object();
  return json.take();
}

}  // namespace cumulet::cloudwatch
