import express from "express";
import { heaviest, ships } from "./ships";

const app = express();
app.get("/healthz", (_request, response) => response.send("ok"));
app.get("/heaviest", (_request, response) => response.json({ ...heaviest(ships), uid: process.getuid?.() }));

const server = app.listen(3000, () => console.log("listening on 3000"));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
