#include "executor/runtime/bridge_network.h"

#include <spdlog/spdlog.h>

#include <optional>
#include <utility>

#include "executor/base/fs.h"

namespace slipway::runtime {

struct BridgeNetwork::Lease::Port {
  NetNamespace netns;
  PortSpec spec;
  uint32_t host = 0;  // the last part of its address
  bool named = false;
};

// A call of Join. Who waits for it may have gone.
struct BridgeNetwork::Request {
  std::vector<std::string> aliases;
  bool abandoned = false;                             // guarded by the network's mutex
  std::optional<Result<std::unique_ptr<Port>>> port;  // guarded by the network's mutex
};

BridgeNetwork::Lease::Lease(BridgeNetwork* network, std::unique_ptr<Port> port)
    : network_(network), port_(std::move(port)) {}
BridgeNetwork::Lease::Lease() = default;
BridgeNetwork::Lease::Lease(Lease&& other) noexcept = default;

BridgeNetwork::Lease& BridgeNetwork::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    if (port_) network_->GiveBack(std::move(port_), !spoiled_);
    network_ = other.network_;
    port_ = std::move(other.port_);
    spoiled_ = other.spoiled_;
  }
  return *this;
}

BridgeNetwork::Lease::~Lease() {
  if (port_) network_->GiveBack(std::move(port_), !spoiled_);
}

std::string BridgeNetwork::Lease::netns_path() const { return port_->netns.path(); }
const std::string& BridgeNetwork::Lease::address() const { return port_->spec.address; }

BridgeNetwork::BridgeNetwork(Netavark netavark, SubnetLease subnet, Options options)
    : netavark_(std::move(netavark)),
      subnet_(std::move(subnet)),
      options_(std::move(options)),
      bridge_{.device = options_.device,
              .subnet = subnet_.net(),
              .mtu = DefaultRouteMtu(),
              .with_names = options_.with_names} {
  worker_ = std::thread([this] { Work(); });
}

BridgeNetwork::~BridgeNetwork() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  worker_.join();
  TearDown();
}

Result<BridgeNetwork::Lease> BridgeNetwork::Acquire(const Context& ctx) {
  std::unique_lock lock(mutex_);
  const uint64_t failures = failures_;
  ++waiting_;
  changed_.notify_all();
  const Status waited = ctx.Wait(lock, changed_, [&] { return !idle_.empty() || failures_ != failures; });
  --waiting_;
  if (failures_ != failures) --unseen_;
  changed_.notify_all();
  SLIPWAY_RETURN_IF_ERROR(waited);
  if (idle_.empty()) return last_failure_.ok() ? Unavailable("no network namespace could be made") : last_failure_;
  Lease lease(this, std::move(idle_.back()));
  idle_.pop_back();
  changed_.notify_all();  // the worker makes the next spare
  return lease;
}

Result<BridgeNetwork::Lease> BridgeNetwork::Join(const Context& ctx, const std::vector<std::string>& aliases) {
  const auto request = std::make_shared<Request>();
  request->aliases = aliases;
  std::unique_lock lock(mutex_);
  requests_.push_back(request);
  changed_.notify_all();
  const Status waited = ctx.Wait(lock, changed_, [&request] { return request->port.has_value(); });
  if (!waited.ok()) {
    request->abandoned = true;
    return waited;
  }
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<Port> port, *std::move(request->port));
  return Lease(this, std::move(port));
}

void BridgeNetwork::GiveBack(std::unique_ptr<Port> port, bool reusable) {
  {
    std::lock_guard lock(mutex_);
    auto& list = reusable && !port->named && idle_.size() < options_.most_idle ? idle_ : discard_;
    list.push_back(std::move(port));
  }
  changed_.notify_all();
}

bool BridgeNetwork::WantsSpare() const {
  // After a failure only for somebody who asks for it.
  return idle_.size() < waiting_ + (last_failure_.ok() ? options_.spare : 0);
}

void BridgeNetwork::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !discard_.empty() || !requests_.empty() || WantsSpare(); });
    if (stopping_) return;
    if (!requests_.empty()) {
      ServeRequest(lock);
    } else if (WantsSpare()) {
      MakeSpare(lock);
    } else {
      DropPorts(lock);
    }
  }
}

void BridgeNetwork::ServeRequest(std::unique_lock<std::mutex>& lock) {
  const std::shared_ptr<Request> request = std::move(requests_.front());
  requests_.pop_front();
  if (request->abandoned) return;
  lock.unlock();
  Result<std::unique_ptr<Port>> port = MakePort(request->aliases);
  lock.lock();
  if (port.ok() && request->abandoned) {
    discard_.push_back(std::move(port).value());
    return;
  }
  request->port.emplace(std::move(port));
  changed_.notify_all();
}

void BridgeNetwork::MakeSpare(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  Result<std::unique_ptr<Port>> port = MakePort({});
  lock.lock();
  if (port.ok()) {
    last_failure_ = Status();
    idle_.push_back(std::move(port).value());
    changed_.notify_all();
    return;
  }
  ++failures_;
  last_failure_ = port.status();
  // At the start nobody waits who could tell it.
  spdlog::warn("plug a container into bridge '{}': {}; tried again for the next that wants it", bridge_.device,
               last_failure_.message());
  changed_.notify_all();
  // Whoever waits has to see the failure before the next attempt begins; not those who come meanwhile.
  unseen_ = waiting_;
  changed_.wait(lock, [this] { return stopping_ || unseen_ == 0; });
}

void BridgeNetwork::DropPorts(std::unique_lock<std::mutex>& lock) {
  std::vector<std::unique_ptr<Port>> dropped = std::exchange(discard_, {});
  lock.unlock();
  std::vector<uint32_t> hosts;
  for (const auto& port : dropped) {
    hosts.push_back(port->host);
    if (!port->named) continue;  // closing the namespace is enough: the kernel takes its end of the bridge away
    const Status status = netavark_.Teardown(Context::Background(), bridge_, port->spec, port->netns.path());
    if (!status.ok()) spdlog::warn("unplug '{}': {}", port->spec.container_id, status.message());
  }
  dropped.clear();
  lock.lock();
  for (const uint32_t host : hosts) used_hosts_.erase(host);
}

// An address is used again as late as can be, so that nobody answers to a neighbour's old connections.
Result<uint32_t> BridgeNetwork::TakeHost() {
  std::lock_guard lock(mutex_);
  const uint32_t last = (uint32_t{1} << (32 - bridge_.subnet.prefix)) - 2;
  for (uint32_t tried = 0; tried < last; ++tried) {
    if (++last_host_ > last) last_host_ = 2;
    if (used_hosts_.insert(last_host_).second) return last_host_;
  }
  return ResourceExhausted("plug a container into bridge '{}': all addresses are taken", bridge_.device);
}

Result<std::unique_ptr<BridgeNetwork::Port>> BridgeNetwork::MakePort(const std::vector<std::string>& aliases) {
  auto port = std::make_unique<Port>();
  SLIPWAY_ASSIGN_OR_RETURN(port->host, TakeHost());
  port->named = options_.with_names;
  port->spec = {.container_id = fmt::format("{}-{}", bridge_.device, port->host),
                .address = bridge_.subnet.Host(port->host),
                .aliases = aliases};
  const auto make = [&]() -> Status {
    SLIPWAY_ASSIGN_OR_RETURN(port->netns, NetNamespace::Create());
    return netavark_.Setup(Context::Background(), bridge_, port->spec, port->netns.path());
  };
  Status status = make();
  // Two daemons that touch the firewall's tables at the same moment can trip over each other.
  if (!status.ok()) status = make();
  if (!status.ok()) {
    std::lock_guard lock(mutex_);
    used_hosts_.erase(port->host);
    return status;
  }
  if (options_.isolated) IsolatePorts();
  return port;
}

void BridgeNetwork::IsolatePorts() const {
  for (const std::string& name : BridgePorts(bridge_.device)) {
    const std::string path = fmt::format("/sys/class/net/{}/brif/{}/isolated", bridge_.device, name);
    const auto file = fs::Open(path, O_WRONLY | O_CLOEXEC);
    const Status status = file.ok() ? fs::WriteAll(file->get(), "1") : file.status();
    // A port may have gone in between.
    if (!status.ok() && status.code() != Code::kNotFound) {
      spdlog::warn("keep the containers on bridge '{}' apart: {}", bridge_.device, status.message());
    }
  }
}

// The last port is unplugged by netavark, which then removes the bridge and the rules; the others vanish with their
// namespaces.
void BridgeNetwork::TearDown() {
  std::unique_lock lock(mutex_);
  DropPorts(lock);
  if (idle_.empty() && !BridgeExists(bridge_.device)) return;
  std::unique_ptr<Port> last;
  if (!idle_.empty()) {
    last = std::move(idle_.back());
    idle_.clear();
  }
  const Context ctx = Context::Background();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (BridgePorts(bridge_.device).size() > (last ? 1 : 0) && std::chrono::steady_clock::now() < deadline) {
    ctx.Sleep(std::chrono::milliseconds(5)).Ignore();
  }
  Status status;
  if (last) status = netavark_.Teardown(ctx, bridge_, last->spec, last->netns.path());
  last.reset();
  if (BridgeExists(bridge_.device)) status = RemoveStaleBridge(ctx, netavark_, bridge_.device);
  if (!status.ok()) spdlog::warn("remove bridge '{}': {}", bridge_.device, status.message());
}

}  // namespace slipway::runtime
