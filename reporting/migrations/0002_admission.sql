-- Who pays above the workspace, who asked, which lives the budgets' store had, and which thresholds were passed.

-- A view remembers its columns, so it is made again.
DROP VIEW usage_usd;

ALTER TABLE usage ADD COLUMN org VARCHAR;
ALTER TABLE usage ADD COLUMN end_user VARCHAR;

CREATE VIEW usage_usd AS
SELECT *, CAST(cost_nano * CAST(0.000000001 AS DECIMAL(10, 9)) AS DECIMAL(18, 9)) AS cost_usd
FROM usage;

-- A row per life of the store in which workers could spend, written before they could.
CREATE TABLE store_epoch (
    epoch VARCHAR PRIMARY KEY,
    began TIMESTAMP NOT NULL
);

-- Written with the rows that passed a threshold, published after it: that is what makes an alert neither lost nor new.
CREATE TABLE alert (
    alert_id  UUID PRIMARY KEY,
    value     VARCHAR NOT NULL,
    published TIMESTAMP
);
