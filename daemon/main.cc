// slipwayd: reads flags and configuration, wires the parts, serves until SIGTERM or SIGINT. A second signal ends the
// grace of running builds.
#include <signal.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <thread>

#include "daemon/agents/agent_hub.h"
#include "daemon/config/command_line.h"
#include "daemon/http/listener.h"
#include "daemon/keyring/login_book.h"
#include "daemon/keyring/secret_book.h"
#include "daemon/logs/archive.h"
#include "daemon/runs/dispatcher.h"
#include "daemon/runs/housekeeper.h"
#include "daemon/runs/old_runs.h"
#include "daemon/secrets/sealer.h"
#include "daemon/secrets/secret_sources.h"
#include "daemon/services/agents_service.h"
#include "daemon/services/attestations_service.h"
#include "daemon/services/credentials_service.h"
#include "daemon/services/images_service.h"
#include "daemon/services/notifications_service.h"
#include "daemon/services/runs_service.h"
#include "daemon/services/secrets_service.h"
#include "daemon/services/server.h"
#include "daemon/services/sources_service.h"
#include "daemon/services/system_service.h"
#include "daemon/services/tasks_service.h"
#include "daemon/sources/uploads.h"
#include "daemon/store/notification_store.h"
#include "daemon/store/secret_store.h"
#include "daemon/store/sqlite_run_store.h"
#include "daemon/store/sqlite_task_store.h"
#include "daemon/tasks/base_logins.h"
#include "daemon/tasks/key_rotation.h"
#include "daemon/tasks/notifier.h"
#include "daemon/tasks/run_page.h"
#include "daemon/tasks/triggers.h"
#include "executor/base/cleanup.h"
#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/base/memory.h"
#include "executor/builder/open.h"
#include "executor/http/curl_transport.h"

namespace slipway {

namespace {

constexpr std::chrono::minutes kCollectEvery{10};
constexpr std::chrono::seconds kSweepEvery{30};
constexpr std::chrono::seconds kGiveBackEvery{5};
constexpr std::chrono::minutes kForgetRunsEvery{1};
constexpr std::chrono::hours kForgetEvery{1};
constexpr std::chrono::hours kKeepDeliveries{30 * 24};
constexpr std::chrono::seconds kCallGrace{2};

builder::Options BuilderOptions(const config::Config& config) {
  builder::Options options;
  options.root = fs::Join(config.root, "builder");
  options.default_registry = config.registry;
  options.insecure_registries = config.insecure_registries;
  options.docker_config = config.docker_config;
  options.ca_file = config.ca_file;
  options.runtime = config.runtime;
  options.userns = config.userns;
  options.network = config.network;
  options.allow_host_network = config.allow_host_network;
  options.allow_insecure_security = config.allow_insecure_security;
  options.max_parallel_steps = config.max_parallel_steps;
  options.limits = config.limits;
  options.allow_local_git = config.allow_local_git;
  options.keep_storage_bytes = config.keep_storage_bytes;
  return options;
}

runs::DispatcherOptions DispatcherOptions(const config::Config& config) {
  // A run waits for disks, registries and the kernel half of its time.
  const size_t fitting = 2 * std::max(2U, std::thread::hardware_concurrency());
  return {.max_runs = config.max_runs == 0 ? fitting : config.max_runs,
          .max_queued = config.max_queued,
          .rules = {.default_registry = config.registry,
                    .allow_host_network = config.allow_host_network,
                    .allow_insecure_security = config.allow_insecure_security}};
}

// For what tasks ask the network for: aliases behind URLs, secrets.
Result<std::unique_ptr<http::Transport>> TaskTransport(const config::Config& config) {
  http::CurlOptions options;
  options.plain_http_hosts = config.insecure_registries;
  if (!config.ca_file.empty()) options.extra_ca_files.push_back(config.ca_file);
  return http::NewCurlTransport(std::move(options));
}

// The value behind an address that task files may give as `keyvault`.
Result<std::string> ReadSecret(const Context& ctx, const std::string& address, const secrets::SecretSources& sources) {
  const task::Secret secret{.id = "password", .keyvault = address, .client_id = {}, .position = {}};
  SLIPWAY_ASSIGN_OR_RETURN(auto values, secrets::ResolveSecrets(ctx, std::span(&secret, 1), sources));
  return std::move(values.at(secret.id));
}

Result<tasks::BaseWatchOptions> BaseWatchOptions(const config::Config& config) {
  tasks::BaseWatchOptions options{.poll_interval = config.base_poll_interval, .registry_token = ""};
  if (config.registry_token_file.empty()) return options;
  SLIPWAY_ASSIGN_OR_RETURN(options.registry_token,
                           fs::ReadFile(config.registry_token_file).With("registry_token_file"));
  while (!options.registry_token.empty() && std::isspace(static_cast<unsigned char>(options.registry_token.back()))) {
    options.registry_token.pop_back();
  }
  if (!options.registry_token.empty()) return options;
  return InvalidArgument("registry_token_file: '{}' is empty; put a token into it", config.registry_token_file);
}

// Signals that end the daemon are blocked in all threads and waited for in main.
sigset_t BlockSignals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

int WaitForSignal(const sigset_t& set) {
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  return signal;
}

// Waits for a further signal while the daemon stops; ends with it.
class Impatience {
 public:
  Impatience(const sigset_t& set, const Context& grace) : thread_([set, grace, this] { Wait(set, grace); }) {}
  ~Impatience() {
    done_ = true;
    thread_.join();
  }

 private:
  void Wait(const sigset_t& set, const Context& grace) const {
    constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 100'000'000};
    while (!done_) {
      if (sigtimedwait(&set, nullptr, &kPause) <= 0) continue;
      spdlog::warn("second signal: running builds are stopped now");
      grace.Cancel(Cancelled("second signal"));
    }
  }
  std::atomic<bool> done_{false};
  std::thread thread_;
};

Status CheckAddresses(const config::Config& config, std::vector<config::Address>* addresses) {
  for (const std::string& text : config.listen) {
    SLIPWAY_ASSIGN_OR_RETURN(config::Address address, config::ParseAddress(text));
    if (address.unix_path.empty() && !address.loopback()) {
      spdlog::warn("'{}' is open to other machines: whoever reaches it can run anything on this one", text);
    } else if (address.unix_path.empty()) {
      spdlog::info("every user of this machine may use the daemon through '{}'", text);
    }
    addresses->push_back(std::move(address));
  }
  return Status();
}

// Where clients of this machine connect; "" if nowhere.
std::string UnixPath(const std::vector<config::Address>& addresses) {
  for (const config::Address& address : addresses) {
    if (!address.unix_path.empty()) return address.unix_path;
  }
  return "";
}

// The server for webhooks; null if none is wanted.
Result<std::unique_ptr<web::Listener>> ListenHttp(const config::Config& config, web::Router router) {
  if (config.http_listen.empty()) return std::unique_ptr<web::Listener>();
  SLIPWAY_ASSIGN_OR_RETURN(const config::Address address, config::ParseAddress(config.http_listen));
  router.Add("GET", "/healthz", 0, [](const web::Request&) { return web::TextResponse(200, "ok"); });
  web::ListenerOptions options;
  options.host = address.host;
  options.port = address.port;
  SLIPWAY_ASSIGN_OR_RETURN(auto listener, web::Listener::Start(options, std::move(router)));
  spdlog::info("webhooks come in at http://{}",
               config::Address{.host = address.host, .port = listener->port()}.ToGrpc());
  if (!address.loopback()) {
    spdlog::warn(
        "'{}' is open to other machines, as git hosts need it; what is not signed is refused. Put a proxy with "
        "TLS in front of it: over plain HTTP, secrets that hosts send as they are can be read on the way",
        config.http_listen);
  }
  return listener;
}

std::vector<std::pair<std::string, std::string>> Facts(const config::Config& config) {
  std::vector<std::pair<std::string, std::string>> facts = {
      {"root", config.root}, {"run timeout", fmt::format("{} s", config.run_timeout.count())}};
  if (!config.http_listen.empty()) facts.emplace_back("http_listen", config.http_listen);
  if (!config.public_url.empty()) facts.emplace_back("public_url", config.public_url);
  return facts;
}

// What events say they come from: a reference to this daemon.
std::string EventSource(const config::Config& config, const store::RunStore& store) {
  return config.public_url.empty() ? "/slipway/" + store.run_id_prefix() : config.public_url;
}

Status Serve(const config::Config& config, const sigset_t& signals) {
  std::vector<config::Address> addresses;
  SLIPWAY_RETURN_IF_ERROR(CheckAddresses(config, &addresses));
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(config.root, 0700));
  SLIPWAY_ASSIGN_OR_RETURN(
      const fs::FileLock lock,
      fs::FileLock::TryAcquire(fs::Join(config.root, "lock")).With("another slipwayd uses this root"));
  SLIPWAY_ASSIGN_OR_RETURN(const secrets::Sealer sealer, secrets::Sealer::Open(fs::Join(config.root, "key")));
  const std::string database = fs::Join(config.root, "runs.db");
  SLIPWAY_ASSIGN_OR_RETURN(const auto store, store::SqliteRunStore::Open(database, config.run_id_prefix));
  SLIPWAY_ASSIGN_OR_RETURN(const auto task_store, store::SqliteTaskStore::Open(database));
  SLIPWAY_ASSIGN_OR_RETURN(const auto archive,
                           logs::Archive::Open(fs::Join(config.root, "logs"), {.max_log_bytes = config.max_log_bytes}));

  const Clock& clock = Clock::Real();
  SLIPWAY_ASSIGN_OR_RETURN(const auto transport, TaskTransport(config));
  SLIPWAY_ASSIGN_OR_RETURN(const auto secret_store, store::SecretStore::Open(database));
  keyring::SecretBook secret_book(*secret_store, sealer);
  SLIPWAY_ASSIGN_OR_RETURN(const secrets::SecretSources secret_sources,
                           secrets::OpenSources(config.secrets, *transport, [&secret_book](const std::string& name) {
                             return secret_book.Get(name);
                           }));
  SLIPWAY_ASSIGN_OR_RETURN(
      const auto logins,
      keyring::LoginBook::Open({.store = *secret_store,
                                .sealer = sealer,
                                .clock = clock,
                                .resolve = [&secret_sources](const Context& ctx, const std::string& address) {
                                  return ReadSecret(ctx, address, secret_sources);
                                }}));
  SLIPWAY_ASSIGN_OR_RETURN(
      const auto builder,
      builder::OpenBuilder(BuilderOptions(config),
                           {.registries = logins->registries(),
                            .git_hosts = logins->git_hosts(),
                            .for_lookup = [&task_store, &sealer](const Context&, const oci::Reference& image) {
                              return tasks::LoginsOfBase(*task_store, sealer, image);
                            }}));

  sources::Uploads uploads(builder->store(), clock,
                           [&builder = *builder](source::ArrivedTree arrived) { builder.Expect(std::move(arrived)); });
  runs::KeptImages kept(clock);
  agents::AgentHub agents;
  SLIPWAY_ASSIGN_OR_RETURN(const tasks::BaseWatchOptions bases, BaseWatchOptions(config));
  tasks::Triggers triggers({.tasks = *task_store,
                            .runs = *store,
                            .builder = *builder,
                            .sealer = sealer,
                            .clock = clock,
                            .bases = bases,
                            .transport = transport.get()});
  SLIPWAY_ASSIGN_OR_RETURN(const auto notifications, store::NotificationStore::Open(database));
  std::vector<notify::Target> targets = config.notify;
  SLIPWAY_RETURN_IF_ERROR(notify::LoadSecrets(&targets));
  tasks::Notifier notifier({.store = *notifications,
                            .tasks = *task_store,
                            .sealer = sealer,
                            .transport = *transport,
                            .clock = clock,
                            .targets = std::move(targets),
                            .public_url = config.public_url,
                            .source = EventSource(config, *store)});
  store->SetAnnouncer([&notifier](const store::Run& run) { return notifier.Announce(run); });
  const runs::Parts parts{.store = *store,
                          .archive = *archive,
                          .sealer = sealer,
                          .builder = *builder,
                          .clock = clock,
                          .kept = kept,
                          .agents = agents,
                          .tasks = {.resolve_secrets =
                                        [&secret_sources](const Context& ctx, const std::vector<task::Secret>& wanted) {
                                          return secrets::ResolveSecrets(ctx, wanted, secret_sources);
                                        },
                                    .max_parallel = config.max_parallel_task_steps,
                                    .transport = transport.get()},
                          .on_run = [&](const store::Run& run) {
                            triggers.OnRun(run);
                            notifier.Wake();
                          }};
  const runs::DispatcherOptions options = DispatcherOptions(config);
  runs::Dispatcher dispatcher(parts, uploads, options);
  const Cleanup stop_triggers([&triggers] { triggers.Stop(); });
  services::RunsService runs_service(dispatcher, *store, *archive,
                                     {.rules = options.rules, .default_timeout = config.run_timeout});
  services::AgentsService agents_service(agents, *store);
  services::SourcesService sources_service(builder->store(), uploads, config.limits, UnixPath(addresses));
  services::AttestationsService attestations_service(*store, *builder);
  services::ImagesService images_service(*builder, *store, kept, uploads, config.registry);
  services::SystemService system_service(dispatcher, *store, *builder, clock,
                                         {.version = SLIPWAY_VERSION,
                                          .revision = SLIPWAY_REVISION,
                                          .registry = config.registry,
                                          .limits = config.limits,
                                          .properties = Facts(config)});
  services::TasksService tasks_service({.tasks = *task_store,
                                        .runs = *store,
                                        .dispatcher = dispatcher,
                                        .triggers = triggers,
                                        .sealer = sealer,
                                        .clock = clock,
                                        .rules = options.rules,
                                        .default_timeout = config.run_timeout});
  services::SecretsService secrets_service(secret_book, clock);
  services::CredentialsService credentials_service(*logins, secret_book);
  services::NotificationsService notifications_service(*notifications, clock, [&notifier] { notifier.Wake(); });
  SLIPWAY_RETURN_IF_ERROR(dispatcher.Start());
  SLIPWAY_RETURN_IF_ERROR(notifier.Start());
  web::Router router;
  triggers.AddRoutes(router);
  tasks::AddRunPage(router, *store);
  SLIPWAY_RETURN_IF_ERROR(triggers.Start(dispatcher));
  SLIPWAY_ASSIGN_OR_RETURN(
      const auto server,
      services::Server::Start(addresses, {&runs_service, &tasks_service, &agents_service, &sources_service,
                                          &system_service, &attestations_service, &images_service,
                                          &notifications_service, &secrets_service, &credentials_service}));
  SLIPWAY_ASSIGN_OR_RETURN(const auto listener, ListenHttp(config, std::move(router)));
  runs::OldRuns old_runs(*store, *archive, clock, {.newest = config.keep_runs, .younger_than = config.keep_runs_for});
  const runs::Housekeeper housekeeper({
      {"collect", kCollectEvery, [&builder](const Context& ctx) { return builder->Collect(ctx); }},
      {"forget notifications", kForgetEvery, [&notifier](const Context&) { return notifier.Sweep(); }},
      {"sweep uploads", kSweepEvery,
       [&](const Context&) {
         uploads.Sweep();
         sources_service.EndIdle();
         kept.Sweep();
         images_service.EndIdle();
         return Status();
       }},
      {"give back memory", kGiveBackEvery,
       [&dispatcher, rested_at = std::clock()](const Context&) mutable {
         // A little work every now and then touches little.
         constexpr std::clock_t kLittle = CLOCKS_PER_SEC / 20;
         if (dispatcher.active() != 0 || std::clock() - rested_at < kLittle) return Status();
         GiveBackMemory();
         rested_at = std::clock();
         return Status();
       }},
      {"forget runs", kForgetRunsEvery, [&](const Context& ctx) { return old_runs.Sweep(ctx); }},
      {"forget deliveries", kForgetEvery,
       [&](const Context&) { return task_store->ForgetDeliveries(clock.System() - kKeepDeliveries).status(); }},
  });
  for (const config::Address& address : server->addresses()) spdlog::info("serving on {}", address.ToGrpc());
  GiveBackMemory();  // what only the start needed

  const int signal = WaitForSignal(signals);
  spdlog::info("stopping after signal {}; {} runs are active", signal, dispatcher.active());
  server->Drain();
  const Context grace = Context::Background().Child().WithTimeout(config.stop_grace, "grace of running builds");
  {
    const Impatience impatience(signals, grace);
    dispatcher.Stop(grace);
  }
  runs_service.EndStreams();
  agents_service.EndStreams();
  images_service.Stop();
  server->Shutdown(kCallGrace);
  spdlog::info("stopped");
  return Status();
}

// What `slipwayd --rotate-key` does.
Status RotateKey(const config::Config& config) {
  SLIPWAY_ASSIGN_OR_RETURN(const fs::FileLock lock,
                           fs::FileLock::TryAcquire(fs::Join(config.root, "lock"))
                               .With("the daemon must not run while its key is exchanged; stop it first"));
  const std::string database = fs::Join(config.root, "runs.db");
  SLIPWAY_ASSIGN_OR_RETURN(const auto runs, store::SqliteRunStore::Open(database));
  SLIPWAY_ASSIGN_OR_RETURN(const auto task_store, store::SqliteTaskStore::Open(database));
  SLIPWAY_ASSIGN_OR_RETURN(const auto secret_store, store::SecretStore::Open(database));
  SLIPWAY_ASSIGN_OR_RETURN(const tasks::RotatedKey rotated,
                           tasks::RotateKey(fs::Join(config.root, "key"), *task_store, *runs, *secret_store));
  spdlog::info(
      "the key was exchanged; secrets of {} tasks and {} runs, {} secrets of the store and {} logins were sealed anew",
      rotated.tasks, rotated.runs, rotated.secrets, rotated.logins);
  return Status();
}

int Main(int argc, char** argv) {
  ShareArenas();
  const sigset_t signals = BlockSignals();
  Result<config::Invocation> invocation =
      config::ReadCommandLine(std::vector<std::string>(argv + 1, argv + argc), SLIPWAY_VERSION);
  if (!invocation.ok()) {
    std::fprintf(stderr, "slipwayd: %s\n", invocation.status().message().c_str());
    return 2;
  }
  if (!invocation->print.empty()) {
    std::fputs(invocation->print.c_str(), stdout);
    return 0;
  }
  const config::Config& config = invocation->config;
  if (const Status status = log::Init(config.log_format, config.log_level); !status.ok()) {
    std::fprintf(stderr, "slipwayd: %s\n", status.message().c_str());
    return 2;
  }
  const Status status = invocation->rotate_key ? RotateKey(config) : Serve(config, signals);
  if (!status.ok()) spdlog::critical("{}", status.message());
  spdlog::shutdown();
  return status.ok() ? 0 : 1;
}

}  // namespace

}  // namespace slipway

int main(int argc, char** argv) { return slipway::Main(argc, argv); }
