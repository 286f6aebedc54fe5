#pragma once

#include <string>

#include "services/cloudwatch/read.h"
#include "wire/generated/cloudwatch.h"

namespace cumulet::cloudwatch {

/// A label with its dynamic parts replaced: ${LABEL}, ${AVG}, ${MIN}, ${MAX}, ${SUM}, ${FIRST}, ${LAST},
/// ${DATAPOINT_COUNT} and ${PROP('MetricName')}, 'Namespace', 'Stat', 'Period', 'Dim.<name>'. What is not known stays
/// as it is.
std::string expand_label(const std::string& label, const std::string& own,
                         const wire::cloudwatch::MetricDataQuery& query, const Points& points);

/// A number as messages and labels show it: the shortest text that reads back as the same.
std::string number_text(double value);

}  // namespace cumulet::cloudwatch
