#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "services/dynamodb/value.h"

/// Items in the text form of Amazon Ion, one record a line: what exports write, and what imports read.
///   $ion_1_0 {Item:{id:"a",n:103.,price:2d3,tags:$dynamodb_SS::["x","y"],picture:{{aGk=}}}}
/// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html#S3DataExport.Output_Data-ION,
/// https://amazon-ion.github.io/ion-docs/docs/spec.html
namespace cumulet::dynamodb {

/// The record of an item, without its line end.
std::string ion_record(const Item& item);

/// The item of a record, not normalised. Read is what attributes can be: strings (also long ones), decimals and
/// integers, blobs, booleans, nulls, lists, structures, and lists that are annotated as sets; fails with
/// ValidationException on everything else (floats, symbols, timestamps, clobs, s-expressions, other annotations, symbol
/// tables).
Result<Item> item_of_ion_record(std::string_view record);

}  // namespace cumulet::dynamodb
