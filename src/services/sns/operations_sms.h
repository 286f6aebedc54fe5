#pragma once

#include "services/sns/sms.h"
#include "wire/generated/sns.h"
#include "wire/service.h"

namespace cumulet::sns {

/// Settings of SMS, numbers that opted out, and numbers to verify.
class SmsOperations {
 public:
  SmsOperations(Parts& parts, Sms& sms) : parts_(parts), sms_(sms) {}
  void register_on(wire::Service& service);

 private:
  using Call = wire::Call;
  template <typename Operation>
  using Out = Task<typename Operation::Output>;

  Out<wire::sns::SetSMSAttributes> set_attributes(Call& call, const wire::sns::SetSMSAttributesInput& input);
  Out<wire::sns::GetSMSAttributes> get_attributes(Call& call, const wire::sns::GetSMSAttributesInput& input);
  Out<wire::sns::CheckIfPhoneNumberIsOptedOut> is_opted_out(Call& call,
                                                            const wire::sns::CheckIfPhoneNumberIsOptedOutInput& input);
  Out<wire::sns::ListPhoneNumbersOptedOut> list_opted_out(Call& call,
                                                          const wire::sns::ListPhoneNumbersOptedOutInput& input);
  Out<wire::sns::OptInPhoneNumber> opt_in(Call& call, const wire::sns::OptInPhoneNumberInput& input);
  Out<wire::sns::CreateSMSSandboxPhoneNumber> add_number(Call& call,
                                                         const wire::sns::CreateSMSSandboxPhoneNumberInput& input);
  Out<wire::sns::VerifySMSSandboxPhoneNumber> verify_number(Call& call,
                                                            const wire::sns::VerifySMSSandboxPhoneNumberInput& input);
  Out<wire::sns::DeleteSMSSandboxPhoneNumber> delete_number(Call& call,
                                                            const wire::sns::DeleteSMSSandboxPhoneNumberInput& input);
  Out<wire::sns::ListSMSSandboxPhoneNumbers> list_numbers(Call& call,
                                                          const wire::sns::ListSMSSandboxPhoneNumbersInput& input);

  Parts& parts_;
  Sms& sms_;
};

}  // namespace cumulet::sns
