#include "executor/runtime/bridge_network.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "executor/base/fs.h"

namespace slipway::runtime {

struct BridgeNetwork::Lease::Port {
  NetNamespace netns;
  PortSpec spec;
  uint32_t host = 0;  // the last part of its address
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
      bridge_{.device = options_.device, .subnet = subnet_.net(), .mtu = DefaultRouteMtu()} {
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

Status BridgeNetwork::WaitReady(const Context& ctx) {
  std::unique_lock lock(mutex_);
  SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, changed_, [this] { return ready_ || failures_ > 0; }));
  return ready_ ? Status() : last_failure_;
}

Result<BridgeNetwork::Lease> BridgeNetwork::Acquire(const Context& ctx) {
  std::unique_lock lock(mutex_);
  const uint64_t failures = failures_;
  ++waiting_;
  changed_.notify_all();
  const Status waited = ctx.Wait(lock, changed_, [&] { return !idle_.empty() || failures_ != failures; });
  --waiting_;
  changed_.notify_all();
  SLIPWAY_RETURN_IF_ERROR(waited);
  if (idle_.empty()) return last_failure_.ok() ? Unavailable("no network namespace could be made") : last_failure_;
  Lease lease(this, std::move(idle_.back()));
  idle_.pop_back();
  changed_.notify_all();  // the worker makes the next spare
  return lease;
}

void BridgeNetwork::GiveBack(std::unique_ptr<Port> port, bool reusable) {
  {
    std::lock_guard lock(mutex_);
    auto& list = reusable && idle_.size() < options_.most_idle ? idle_ : discard_;
    list.push_back(std::move(port));
  }
  changed_.notify_all();
}

void BridgeNetwork::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] {
      return stopping_ || !discard_.empty() || idle_.size() < waiting_ + (last_failure_.ok() ? options_.spare : 0);
    });
    if (stopping_) return;
    if (!discard_.empty()) {
      // Closing the namespace is enough: the kernel takes its end of the bridge away.
      std::vector<std::unique_ptr<Port>> dropped = std::move(discard_);
      discard_.clear();
      for (const auto& port : dropped) used_hosts_.erase(port->host);
      lock.unlock();
      dropped.clear();
      lock.lock();
      continue;
    }
    lock.unlock();
    Result<std::unique_ptr<Port>> port = MakePort();
    lock.lock();
    if (port.ok()) {
      ready_ = true;
      last_failure_ = Status();
      idle_.push_back(std::move(port).value());
    } else {
      ++failures_;
      last_failure_ = port.status();
    }
    changed_.notify_all();
    // Whoever waits has to see the failure before the next attempt begins.
    if (!port.ok())
      changed_.wait(lock, [this, told = waiting_] { return stopping_ || waiting_ < told || waiting_ == 0; });
  }
}

Result<std::unique_ptr<BridgeNetwork::Port>> BridgeNetwork::MakePort() {
  auto port = std::make_unique<Port>();
  {
    // An address is used again as late as can be, so that nobody answers to a neighbour's old connections.
    std::lock_guard lock(mutex_);
    const uint32_t last = (uint32_t{1} << (32 - bridge_.subnet.prefix)) - 2;
    uint32_t host = used_hosts_.empty() ? 2 : *used_hosts_.rbegin() + 1;
    if (host > last) host = 2;
    while (used_hosts_.contains(host) && host <= last) ++host;
    if (host > last)
      return ResourceExhausted("plug a container into bridge '{}': all addresses are taken", bridge_.device);
    used_hosts_.insert(host);
    port->host = host;
  }
  const auto make = [&]() -> Status {
    SLIPWAY_ASSIGN_OR_RETURN(port->netns, NetNamespace::Create());
    port->spec = {.container_id = fmt::format("{}-{}", bridge_.device, port->host),
                  .address = bridge_.subnet.Host(port->host)};
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
  discard_.clear();
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
