"""English abbreviations that are written with a full stop, in lower case and without it.

Words that end sentences far more often ("sun", "mass", "bus", "art") are left out.
"""

ABBREVIATIONS = frozenset(
    """
    abbr abs abstr acad acct adj adm admin adv agric al alt am anat anon approx appt apt apts assem
    assn assoc assocs asst assts atty attys attn auth aux ave avg bap biog biol bk bks bldg bldgs
    blvd brig bro bros btw bur ca capt cath cdr cert cf ch chap chaps chg chron cir cit civ cl cm
    cmdr co cod col coll collab colloq com comdr comp compt comput conf cong conj const cont contd
    contr coop corp corr cos cpl cres crim ct ctr cust dec def deg dep dept depts deriv det diam
    dict dir disc dist div dr drs ea eccl ecol econ ed eds educ elec elev encl ency eng engr eq est
    et etc eth ex exc excl exh exp ext fam fed ff fig figs fl fn fr freq frs ft fut gaz gen genl
    geog geol geom gov govs govt gr gram hist hon hons hosp hr hrs hts hwy hyp ibid id illus in inc
    incl indef inf infra init ins insp inst intl intro isl jct jnr jour jr kt kts lang lb lbs lect
    lib lic lieut lit lt ltd ltda mach maj mech messrs meth mfg mfr mgr mgrs mgt mi mil mins misc
    mlle mme mmes mo mos mph mr mrs ms msgr mss mt mtg mtn mts mun mus natl neg no nos nr obs oct
    ofc op opp org orig oz para paras pct perf pers pfc pg pgs phil photog phys pkg pkgs pkwy pl plc
    pol poss pp pref prelim prep pres prev priv prob proc prod prof profs pron prov ps pseud pt pte
    pts pty pub publ publs qr qt qts qty quot rd rds rec recd ref refs reg regd regt rel rep reps
    repr rept repub req res ret retd rev revd rm rms rt rte sc sci sect sects sen sens seq serv sess
    sgt sig soc sp spec sq sqq sr sra srta ss st sta std ste stes subj subst supp suppl supt surg
    syn tech tel terr theol theor tr trans transl treas trib twp typ ult univ unpub va var vb viz
    vol vols vs wk wks wt yd yds yr yrs
    jan feb mar apr jun jul aug sep sept nov tue tues thu thur thurs fri
    ala ariz ark calif colo conn del fla ga kan kans ky la md mich minn mont neb nev okla penn
    tenn tex vt wis wisc wyo alta ont sask que
    """.split()
)
