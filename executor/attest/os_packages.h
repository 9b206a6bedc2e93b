// The package databases of distributions. Each reader takes a file's text and gives what is installed, in its order.
//
// Files come out of images and may hold anything: sizes and counts are bounded, and what makes no sense is left out or
// INVALID_ARGUMENT, never followed. The caller fills in `found_in`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/attest/package.h"
#include "executor/base/status.h"

namespace slipway::attest {

/// var/lib/dpkg/status, and the files of var/lib/dpkg/status.d (an entry each, without a status). Only what is
/// installed.
std::vector<Package> ReadDpkg(std::string_view text);

/// lib/apk/db/installed.
std::vector<Package> ReadApk(std::string_view text);

/// rpmdb.sqlite (rpm 4.16 and later). Takes the bytes, since they are changed while they are read. INVALID_ARGUMENT for
/// what is no such database. The Berkeley and ndb formats of before are not read.
Result<std::vector<Package>> ReadRpmSqlite(std::string bytes);

/// One header of rpm, as its database keeps it: name, version, release, epoch, architecture, licence.
Result<Package> ParseRpmHeader(std::string_view blob);

}  // namespace slipway::attest
