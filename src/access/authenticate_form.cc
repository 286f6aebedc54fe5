#include "access/authenticate_form.h"

#include "base/digest.h"
#include "wire/sigv2.h"
#include "wire/sigv4_errors.h"

namespace cumulet::access {

Task<wire::Caller> FormAuthenticator::authenticate(FormSignature form) {
  const std::string key_id = form.scope ? form.scope->access_key_id : form.access_key_id;
  if (lenient_) {
    wire::LenientIdentity identity;
    identity.access_key_id = key_id;
    identity.session_token = form.session_token;
    co_return co_await lenient_caller(source_, std::move(identity));
  }
  Credential credential =
      co_await valid_credential(source_, clock_, key_id, form.session_token, wire::AuthDialect::kS3);
  std::string expected;
  if (form.scope) {
    const std::string key = wire::signing_key(credential.secret_access_key, *form.scope);
    expected = wire::signature_of(key, form.policy);
  } else {
    expected = wire::signature_v2(credential.secret_access_key, form.policy);
  }
  if (!equal_constant_time(expected, form.signature)) {
    co_return wire::auth_errors::mismatch_v2(key_id, form.signature, form.policy);
  }
  co_return std::move(credential.caller);
}

}  // namespace cumulet::access
