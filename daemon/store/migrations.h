// The steps of the run store's schema, from migrations/*.sql.
#pragma once

#include <span>

#include "executor/db/database.h"

namespace slipway::store {

std::span<const db::Migration> Migrations();

}  // namespace slipway::store
