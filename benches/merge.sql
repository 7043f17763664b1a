-- What renkei checks of these records, said in SQL over the staging table, then a merge of the records without a breach.
-- c1 市区町村コード c2 宛名番号 c3 履歴番号 c4 世帯番号 c5 住民種別 c6 住民状態 c7 異動年月日 c8 異動届出年月日 c9 異動事由 c10 氏名
-- c11 フリガナ c12 通称 c13 氏名優先区分 c14 性別 c15 生年月日 c16 続柄 c17 町字 c18 番地 c19 方書 c20 郵便番号 c21 住民となった年月日
-- c22 消除の異動年月日 c23 国籍等 c24 在留資格等コード c25 満了の日 c26 操作者ID c27 操作年月日 c28 操作時刻 c29 最新フラグ c30 削除フラグ
BEGIN;
CREATE FUNCTION pg_temp.is_date(x text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT x ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' AND substr(x, 6, 2) BETWEEN '01' AND '12' AND substr(x, 9, 2) BETWEEN '01' AND
    CASE WHEN substr(x, 6, 2) IN ('04', '06', '09', '11') THEN '30' WHEN substr(x, 6, 2) <> '02' THEN '31'
      WHEN substr(x, 1, 4)::int % 4 = 0 AND (substr(x, 1, 4)::int % 100 <> 0 OR substr(x, 1, 4)::int % 400 = 0) THEN '29'
      ELSE '28' END
$$;
INSERT INTO bad
SELECT c2, why FROM (
  SELECT c2, CASE
    WHEN c1 !~ '^[0-9]{6}$' OR c1 <> '999997' THEN 'c1'
    WHEN c2 IS NULL OR c2 !~ '^[0-9]{15}$' THEN 'c2'
    WHEN c3 !~ '^[0-9]{1,5}$' THEN 'c3'
    WHEN c4 !~ '^[0-9]{15}$' THEN 'c4'
    WHEN c5 NOT IN ('1', '2') THEN 'c5'
    WHEN c6 NOT IN ('1', '2', '3', '9') THEN 'c6'
    WHEN NOT pg_temp.is_date(c7) THEN 'c7'
    WHEN NOT pg_temp.is_date(c8) THEN 'c8'
    WHEN c9 IS NULL OR octet_length(c9) > 2 THEN 'c9'
    WHEN c10 IS NULL OR char_length(c10) > 100 THEN 'c10'
    WHEN char_length(c11) > 100 THEN 'c11'
    WHEN char_length(c12) > 100 THEN 'c12'
    WHEN octet_length(c13) > 2 THEN 'c13'
    WHEN c14 NOT IN ('1', '2', '3') THEN 'c14'
    WHEN NOT pg_temp.is_date(c15) THEN 'c15'
    WHEN octet_length(c16) > 2 THEN 'c16'
    WHEN c17 IS NULL OR char_length(c17) > 120 THEN 'c17'
    WHEN char_length(c18) > 50 THEN 'c18'
    WHEN char_length(c19) > 300 THEN 'c19'
    WHEN c20 !~ '^[0-9]{7}$' THEN 'c20'
    WHEN NOT pg_temp.is_date(c21) THEN 'c21'
    WHEN NOT pg_temp.is_date(c22) THEN 'c22'
    WHEN octet_length(c23) > 3 OR octet_length(c24) > 3 THEN 'c23'
    WHEN NOT pg_temp.is_date(c25) THEN 'c25'
    WHEN c26 IS NULL OR octet_length(c26) > 10 THEN 'c26'
    WHEN NOT pg_temp.is_date(c27) THEN 'c27'
    WHEN c28 !~ '^[0-2][0-9]:[0-5][0-9]:[0-5][0-9]$' THEN 'c28'
    WHEN c29 NOT IN ('0', '1') OR c30 NOT IN ('0', '1') THEN 'c29'
    WHEN c15 > '2026-11-20' THEN 'birth-in-future'
    WHEN c15 > c7 THEN 'ido-before-birth'
    WHEN c6 <> '1' AND c22 IS NULL THEN 'removed-without-date'
    WHEN c6 = '1' AND c22 IS NOT NULL THEN 'living-with-removal-date'
    WHEN c5 = '2' AND (c23 IS NULL OR c24 IS NULL) THEN 'foreigner-without-nationality'
  END AS why FROM s) AS checked
WHERE why IS NOT NULL;
INSERT INTO bad SELECT c2, 'duplicate-key' FROM s GROUP BY c2 HAVING count(*) > 1;
INSERT INTO t ({columns})
SELECT {columns} FROM s WHERE c29 = '1' AND c30 = '0' AND NOT EXISTS (SELECT 1 FROM bad WHERE bad.key = s.c2)
ON CONFLICT (c2) DO UPDATE SET {set};
DELETE FROM t USING s WHERE s.c2 = t.c2 AND s.c30 = '1';
COMMIT;
