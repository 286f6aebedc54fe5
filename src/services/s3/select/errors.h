#pragma once

#include <string_view>

#include "base/error.h"

/// S3 Select: what a SQL expression finds in one object.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/selecting-content-from-objects.html
namespace cumulet::s3::select {

/// The error of that code with its documented message: all of them answer 400.
/// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#SelectObjectContentErrorCodeList
Error select_error(std::string_view code);

/// The code of an error that select_error made, for as long as the program runs.
std::string_view known_code(const Error& error);

}  // namespace cumulet::s3::select
