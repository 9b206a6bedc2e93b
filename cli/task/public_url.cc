#include "cli/task/public_url.h"

namespace slipway::cli {

std::string PublicUrl(Connection& connection) {
  v1::GetInfoResponse info;
  Call call(Context::Background(), kCallTimeout);
  if (!connection.system().GetInfo(call.context(), {}, &info).ok()) return "";
  for (const v1::InfoProperty& property : info.properties()) {
    if (property.name() == "public_url") return property.value();
  }
  return "";
}

}  // namespace slipway::cli
