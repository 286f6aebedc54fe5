#pragma once

#include <string>
#include <string_view>

#include "services/s3/model.h"

/// The rows of S3 as bytes. Decoding a damaged row gives what could be read; names and keys come from the row's key.
namespace cumulet::s3 {

/// The row of a blob that something is kept in.
std::string blob_key(const std::string& id);

std::string encode(const Bucket& bucket);
Bucket decode_bucket(std::string name, std::string_view bytes);
std::string encode(const Object& object);
Object decode_object(std::string key, std::string_view bytes);
std::string encode(const Upload& upload);
Upload decode_upload(std::string key, std::string id, std::string_view bytes);
std::string encode(const Part& part);
Part decode_part(std::uint32_t number, std::string_view bytes);

}  // namespace cumulet::s3
