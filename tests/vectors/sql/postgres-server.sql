CREATE TABLE public.change_category (
    category character varying(20) NOT NULL
);
CREATE TABLE public.changefeed (
    id integer NOT NULL,
    created_at timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    gun character varying(255) NOT NULL,
    version integer NOT NULL,
    sha256 character(64) DEFAULT NULL::bpchar,
    category character varying(20) DEFAULT 'update'::character varying NOT NULL
);
CREATE SEQUENCE public.changefeed_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.changefeed_id_seq OWNED BY public.changefeed.id;
CREATE TABLE public.schema_migrations (
    version bigint NOT NULL,
    dirty boolean NOT NULL
);
CREATE TABLE public.tuf_files (
    id integer NOT NULL,
    created_at timestamp without time zone,
    updated_at timestamp without time zone,
    deleted_at timestamp without time zone,
    gun character varying(255) NOT NULL,
    role character varying(255) NOT NULL,
    version integer NOT NULL,
    data bytea NOT NULL,
    sha256 character(64) DEFAULT NULL::bpchar
);
CREATE SEQUENCE public.tuf_files_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.tuf_files_id_seq OWNED BY public.tuf_files.id;
ALTER TABLE ONLY public.changefeed ALTER COLUMN id SET DEFAULT nextval('public.changefeed_id_seq'::regclass);
ALTER TABLE ONLY public.tuf_files ALTER COLUMN id SET DEFAULT nextval('public.tuf_files_id_seq'::regclass);
ALTER TABLE ONLY public.change_category
    ADD CONSTRAINT change_category_pkey PRIMARY KEY (category);
ALTER TABLE ONLY public.changefeed
    ADD CONSTRAINT changefeed_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.tuf_files
    ADD CONSTRAINT tuf_files_gun_role_version_key UNIQUE (gun, role, version);
ALTER TABLE ONLY public.tuf_files
    ADD CONSTRAINT tuf_files_pkey PRIMARY KEY (id);
CREATE INDEX idx_changefeed_gun ON public.changefeed USING btree (gun);
CREATE INDEX tuf_files_sha256_idx ON public.tuf_files USING btree (sha256);
ALTER TABLE ONLY public.changefeed
    ADD CONSTRAINT changefeed_category_fkey FOREIGN KEY (category) REFERENCES public.change_category(category);
