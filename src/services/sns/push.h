#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "services/sns/parts.h"
#include "services/sns/platform.h"

namespace cumulet::sns {

/// Mobile push: gets messages to the devices that platform endpoints stand for, through FCM (HTTP v1) and APNs.
class Push {
 public:
  explicit Push(Parts& parts) : parts_(parts) {}
  /// Takes a message for an endpoint: durable when it returns. Fails with NotFound, EndpointDisabled or
  /// PlatformApplicationDisabled.
  Task<void> accept(std::string endpoint_arn, Notification notification);
  /// To an endpoint's ARN. Fails below 500 when it is no use trying again; an endpoint whose device is gone is
  /// disabled, and the topics of its application that want to know are told.
  Task<void> send(std::string endpoint_arn, const Notification& notification);

  /// The credentials of an application changed.
  void forget_token(const PlatformApplication& application);

 private:
  /// What a platform said about one message.
  struct Verdict {
    bool accepted = false;
    bool device_gone = false;
    bool credential_expired = false;
    bool retry = false;
    std::string reason;
  };
  struct Token {
    std::string text;
    Timestamp until;
  };

  Task<Verdict> send_fcm(const PlatformApplication& application, const PlatformEndpoint& endpoint,
                         const Notification& notification);
  Task<Verdict> send_apns(const PlatformApplication& application, const PlatformEndpoint& endpoint,
                          const Notification& notification);
  Task<std::string> fcm_token(const PlatformApplication& application);
  Result<std::string> apns_token(const PlatformApplication& application);
  std::optional<std::string> kept_token(const std::string& key);
  void keep_token(const std::string& key, std::string token, seconds lifetime);
  Task<void> device_gone(const PlatformApplication& application, PlatformEndpoint endpoint, const std::string& reason);

  Parts& parts_;
  std::mutex mutex_;
  std::map<std::string, Token> tokens_;
};

}  // namespace cumulet::sns
