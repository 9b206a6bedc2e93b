// FeedStream: a stream of responses that follows a run's feed, on gRPC's callback API: it has no thread of its own, so
// any number of followers costs memory only. It is driven by three events: the feed has news, a write is done, the call
// was cancelled. A subclass says what comes next.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "daemon/logs/run_feed.h"
#include "daemon/services/status.h"
#include "executor/base/guarded.h"

namespace slipway::services {

/// All streams there are: bounded in number, and ended together when the daemon stops. Thread-safe.
class StreamSet {
 public:
  explicit StreamSet(int limit) : limit_(limit) {}

  /// False if there are too many, or none is to begin any more.
  bool Take() {
    if (closing_) return false;
    if (used_.fetch_add(1) < limit_) return true;
    used_.fetch_sub(1);
    return false;
  }
  void Give() { used_.fetch_sub(1); }

  void Add(std::weak_ptr<logs::Listener> stream) {
    auto streams = streams_.Lock();
    std::erase_if(*streams, [](const auto& s) { return s.expired(); });
    streams->push_back(std::move(stream));
  }
  bool closing() const { return closing_; }
  /// Streams that wait for news end as UNAVAILABLE; the others when they have sent what there is.
  void EndAll() {
    closing_ = true;
    const std::vector<std::weak_ptr<logs::Listener>> streams = *streams_.Lock();
    for (const auto& stream : streams) {
      if (const auto alive = stream.lock()) alive->OnFeed();
    }
  }

 private:
  const int limit_;
  std::atomic<int> used_{0};
  std::atomic<bool> closing_{false};
  Guarded<std::vector<std::weak_ptr<logs::Listener>>> streams_;
};

/// Ends a streaming call at once.
template <typename Response>
class RefusedStream : public grpc::ServerWriteReactor<Response> {
 public:
  explicit RefusedStream(const grpc::Status& status) { this->Finish(status); }
  void OnDone() override { delete this; }
};

template <typename Response>
class FeedStream : public grpc::ServerWriteReactor<Response>, public logs::Listener {
 public:
  /// Owns itself until the call is over. Begin() must be called once.
  FeedStream(std::shared_ptr<logs::RunFeed> feed, StreamSet& set) : feed_(std::move(feed)), set_(set) {}
  ~FeedStream() override { set_.Give(); }

  /// `self` owns this object.
  void Begin(std::shared_ptr<FeedStream> self) {
    self_ = self;
    feed_->Subscribe(self);
    set_.Add(self);
    OnFeed();
  }

  void OnFeed() override {
    {
      const std::lock_guard lock(mutex_);
      if (finished_) return;
      news_ = true;
      if (busy_) return;
      busy_ = true;
    }
    Drive();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) cancelled_ = true;
    Drive();
  }

  void OnCancel() override {
    cancelled_ = true;
    OnFeed();
  }

  void OnDone() override { self_.reset(); }

 protected:
  enum class Step { kWrite, kWait, kEnd };

  /// Fills `response` and says kWrite, or says that there is nothing now, or that all was sent (`status` then). Called
  /// by one thread at a time.
  virtual Step Next(Response* response, grpc::Status* status) = 0;

  logs::RunFeed& feed() { return *feed_; }

 private:
  // Runs with busy_ set, which only kWait and the end give up.
  void Drive() {
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        news_ = false;
      }
      grpc::Status status;
      response_.Clear();
      Step step = cancelled_ ? Step::kEnd : Next(&response_, &status);
      if (step == Step::kWrite) return this->StartWrite(&response_);
      if (step == Step::kWait && set_.closing()) {
        step = Step::kEnd;
        status = Refuse(Unavailable("the daemon is stopping"), "SHUTTING_DOWN");
      }
      // A stream that waits keeps no buffer.
      Response().Swap(&response_);
      if (step == Step::kWait) {
        const std::lock_guard lock(mutex_);
        if (news_) continue;
        busy_ = false;
        return;
      }
      {
        const std::lock_guard lock(mutex_);
        finished_ = true;
      }
      this->Finish(cancelled_ ? grpc::Status::CANCELLED : status);
      return;
    }
  }

  const std::shared_ptr<logs::RunFeed> feed_;
  StreamSet& set_;
  std::shared_ptr<FeedStream> self_;
  Response response_;
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  bool busy_ = false;      // guarded by mutex_: a thread or a write is under way
  bool news_ = false;      // guarded by mutex_
  bool finished_ = false;  // guarded by mutex_
};

}  // namespace slipway::services
